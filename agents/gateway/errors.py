"""What the gateway refuses: its caller, who starts it, or a client.

GatewayError
├── InvalidToken          the file of the token can't be trusted
├── InvalidCertificate    no connection could be made with it
└── NotSafe               it would listen where anyone could come

Refusal                   not of these: the answer to a client, {"error": {"type", "message"}} on every protocol
"""

from collections.abc import Sequence
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from actors import CallFailed, InvalidArgument, StartFailed
from actors.log import get_logger
from agents.agent_config import InvalidAgentConfig
from agents.core.text import to_json
from agents.gateway.words import line_of
from agents.sessions import InvalidFork, SessionError, SessionExists, UnknownSession, UnknownStream
from supervisors import AlreadyStarted, MaxChildren, NotFound

log = get_logger("understudy.gateway")

TYPES: Final = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    421: "misdirected",
    422: "invalid",
    429: "too_many_requests",
    431: "header_too_large",
    500: "internal",
    503: "unavailable",
}
"""By status, the word for programs."""


class GatewayError(Exception):
    """Base of what keeps the gateway from starting."""


class InvalidToken(GatewayError):
    pass


class InvalidCertificate(GatewayError):
    pass


class NotSafe(GatewayError):
    pass


class Refusal(Exception):
    """message: one line, for a person. faults: where there are many, a line each. retry_after_s: when it may be
    otherwise."""

    def __init__(
        self, status: int, message: str, kind: str = "", faults: Sequence[str] = (), retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.status, self.message, self.faults = status, message, tuple(faults)
        self.kind = kind or TYPES.get(status, "error")

    @property
    def body(self) -> bytes:
        error: dict[str, Any] = {"type": self.kind, "message": self.message}
        if self.faults:
            error["faults"] = self.faults
        return to_json({"error": error})


EXPECTED: Final[tuple[type[Exception], ...]] = (
    Refusal,
    HTTPException,
    RequestValidationError,
    InvalidAgentConfig,
    InvalidArgument,
    AlreadyStarted,
    NotFound,
    CallFailed,
    StartFailed,
    MaxChildren,
    SessionError,
)
"""What may go wrong in a route without a fault of ours."""


def refusal_of(error: Exception) -> Refusal:
    """The answer to what went wrong in a route. Raises what is our own bug."""
    match error:
        case Refusal():
            return error
        case HTTPException(status_code=404):
            return Refusal(404, "expected a path that /docs has, got another one")
        case HTTPException(status_code=status, detail=detail):
            return Refusal(status, str(detail))
        case RequestValidationError():
            return invalid(error.errors())
        case InvalidAgentConfig(faults=faults):
            return Refusal(422, "; ".join(faults), faults=faults)
        case InvalidArgument():
            return Refusal(422, str(error))
        case AlreadyStarted() | SessionExists():
            return Refusal(409, "expected an id that no agent has, got one that is taken", "conflict")
        case NotFound():
            return Refusal(404, "expected an agent that its supervisor runs, got one that has just ended")
        case CallFailed():
            return Refusal(503, "the agent has ended, or does not answer")
        case StartFailed() | MaxChildren():
            return Refusal(503, "the agent could not be started")
        case SessionError():
            return _of_session(error)
    raise error


def _of_session(error: SessionError) -> Refusal:
    match error:
        case UnknownSession():
            return Refusal(404, str(error), "session_not_found")
        case UnknownStream():
            return Refusal(404, str(error), "stream_not_found")
        case InvalidFork():
            return Refusal(422, str(error))
    log.warning("store_failed", reason=str(error))  # it says where the store is: nothing for a client
    return Refusal(503, "the store of sessions can't be used now")


def invalid(faults: Sequence[Any]) -> Refusal:
    """pydantic's faults as lines of ours."""
    lines = [line_of(fault) for fault in faults]
    return Refusal(422, "; ".join(lines), faults=lines)


async def crashed(_request: Request, _error: Exception) -> Response:
    """An exception handler for FastAPI, for our own bug: it is raised again after this answer, and is logged."""
    refusal = Refusal(500, "the gateway failed: the log of the daemon says how")
    return Response(refusal.body, refusal.status, media_type="application/json")


async def answer(request: Request, error: Exception) -> Response:
    """An exception handler for FastAPI."""
    refusal = refusal_of(error)
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if refusal.retry_after_s is not None:
        headers["retry-after"] = str(refusal.retry_after_s)
    return Response(refusal.body, refusal.status, headers, media_type="application/json")
