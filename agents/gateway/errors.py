"""The gateway's errors: those that stop its start, and the refusals that clients get.

GatewayError
├── InvalidToken          others can read the token file, or it has no valid token
├── InvalidCertificate    the certificate or its key is unusable
└── NotSafe               the address is reachable by others, and TLS is off

Refusal                   not a GatewayError: the answer to a client, {"error": {"type", "message"}}
"""

from collections.abc import Iterable, Sequence
from math import ceil
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from actors import CallFailed, InvalidArgument, StartFailed
from actors.log import get_logger
from agents.agent_config import InvalidAgentConfig
from agents.core.faults import KeyPath, dotted
from agents.core.text import to_json
from agents.gateway.words import fault_of
from agents.instance.elsewhere import CANNOT_START, FarFault
from agents.sessions import (
    InvalidFork,
    OutcomeKnown,
    SessionError,
    SessionExists,
    UnknownEffect,
    UnknownSession,
    UnknownStream,
)
from supervisors import AlreadyStarted, MaxChildren, NotFound
from supervisors.agent_supervisor import NotRestarted

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
    416: "range_not_satisfiable",
    421: "misdirected",
    422: "invalid",
    429: "too_many_requests",
    431: "header_too_large",
    500: "internal",
    503: "unavailable",
}
"""The `type` of an error by its status, for programs."""


class GatewayError(Exception):
    """The base class of errors that stop the gateway's start."""


class InvalidToken(GatewayError):
    """A token, or the file of a token, is invalid."""


class InvalidCertificate(GatewayError):
    """A certificate or its key is invalid."""


class NotSafe(GatewayError):
    """The settings would leave the gateway without protection."""


class Refusal(Exception):
    """The answer to a request that the gateway refuses.

    message: one line, for a person. faults: one line per fault, if there are several. retry_after_s: seconds until
    the request may succeed. param, code: the faulty field and a more exact kind, for the paths below /v1/.
    """

    def __init__(
        self,
        status: int,
        message: str,
        kind: str = "",
        faults: Sequence[str] = (),
        retry_after_s: int | None = None,
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.retry_after_s, self.param, self.code = retry_after_s, param, code
        self.status, self.message, self.faults = status, message, tuple(faults)
        self.kind = kind or TYPES.get(status, "error")

    @property
    def body(self) -> bytes:
        error: dict[str, Any] = {"type": self.kind, "message": self.message}
        if self.faults:
            error["faults"] = self.faults
        return to_json({"error": error})


LINE: Final = 300
"""The longest line of a fault in a body, in characters: a client chooses the names of unknown keys."""

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
"""Exceptions that a route may raise although the gateway has no bug."""


RETRY_S: Final = 5


def retry_later(message: str) -> Refusal:
    """Return the refusal of a request that may succeed in RETRY_S."""
    return Refusal(503, message, retry_after_s=RETRY_S)


def refusal_of(error: Exception) -> Refusal:
    """Return the refusal for a route's exception. Raises the exception again if it is a bug of the gateway."""
    match error:
        case Refusal():
            return error
        case HTTPException(status_code=404):
            return Refusal(404, "expected a path that /docs lists, got another one")
        case HTTPException(status_code=status, detail=detail):
            return Refusal(status, str(detail))
        case RequestValidationError():
            return invalid(error.errors())
        case InvalidAgentConfig(faults=faults):
            return _invalid(map(str, faults))
        case InvalidArgument():
            return Refusal(422, str(error))
        case AlreadyStarted() | SessionExists():
            return Refusal(409, "expected an unused id, got one that is in use", "conflict")
        case NotFound():
            return Refusal(404, "expected an agent that its supervisor runs, got one that has just ended")
        case NotRestarted(retry_after_s=wait_s):
            return Refusal(503, str(error), "not_restarted", retry_after_s=None if wait_s is None else ceil(wait_s))
        case CallFailed(reason=FarFault(kind, text)):
            return Refusal(503, text, "not_started") if kind == CANNOT_START else retry_later(text)
        case CallFailed():
            return retry_later("the agent has ended, or does not answer")
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
        case UnknownEffect():
            return Refusal(404, str(error), "effect_not_found")
        case OutcomeKnown():
            return Refusal(409, str(error), "conflict")
        case InvalidFork():
            return Refusal(422, str(error))
    log.warning("store_failed", reason=str(error))  # the text has the store's path, which no client may see
    return retry_later("the store of sessions can't be used now")


def invalid(errors: Iterable[Any]) -> Refusal:
    """Return the refusal of a request in which pydantic found these errors."""
    faults = [fault_of(each) for each in errors]
    return _invalid((str(fault)[:LINE] for fault in faults), _field(faults[0].path) if faults else None)


def _field(path: KeyPath) -> str | None:
    """Return the field of a path, such as messages[0].content, without its place in the request."""
    return dotted(path[1:])[:LINE] or None if path[:1] in (("body",), ("query",), ("path",)) else None


def _invalid(faults: Iterable[str], param: str | None = None) -> Refusal:
    lines = tuple(faults)
    return Refusal(422, "; ".join(lines), faults=lines, param=param)
