"""Refusals in OpenAI's form, for the paths below /v1/. Source: OpenAI API reference, "Errors"."""

from collections.abc import Mapping
from math import ceil
from typing import Final

from starlette.types import Scope

from agents.core.errors import ApiError, Busy, Cancelled, CircuitOpen, Fault, LimitReached, Timeout
from agents.core.text import to_json
from agents.gateway.errors import Refusal

PREFIX: Final = "/v1/"
REQUEST: Final = "invalid_request_error"
SERVER: Final = "server_error"

KINDS: Final[Mapping[int, tuple[str, str | None]]] = {
    401: (REQUEST, "invalid_api_key"),
    403: (REQUEST, "insufficient_permissions"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
}
"""The type and the code of an error by its status. Any other status has the type `server_error` from 500 on."""


class OpenAiRefusal(Refusal):
    """A refusal in OpenAI's form. Invalid input has the status 400."""

    def __init__(self, refusal: Refusal) -> None:
        status = 400 if refusal.status == 422 else refusal.status
        kind, code = KINDS.get(status, (SERVER if status >= 500 else REQUEST, None))
        super().__init__(status, refusal.message, kind, retry_after_s=refusal.retry_after_s)
        self.param, self.code = refusal.param, refusal.code or code

    @property
    def body(self) -> bytes:
        detail = {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}
        return to_json({"error": detail})


def as_asked(refusal: Refusal, scope: Scope) -> Refusal:
    """Return the refusal in the form of the path that was asked."""
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return OpenAiRefusal(refusal) if path.startswith(PREFIX) else refusal


def failure_of(fault: Fault) -> OpenAiRefusal:
    """Return the refusal for a turn that failed."""
    retry_after_s: float | None = None
    code = str(fault.__struct_config__.tag)
    match fault:
        case ApiError(code=400 | 413 | 422, kind=kind):  # the conversation or an option, which are the client's
            status, code = 400, kind or code
        case ApiError(code=429, retry_after_s=retry_after_s) | CircuitOpen(retry_after_s=retry_after_s):
            status = 429
        case Busy() | LimitReached():
            status = 429
        case Cancelled():
            status = 409
        case Timeout():
            status = 504
        case _:
            status = 502
    seconds = None if retry_after_s is None else ceil(retry_after_s)
    return OpenAiRefusal(Refusal(status, str(fault), retry_after_s=seconds, code=code))
