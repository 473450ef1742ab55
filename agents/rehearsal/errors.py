"""The refusals of a rehearsal.

Exception
├── ScriptError     a script file is invalid: one line per fault, and nothing is started
├── CannotListen    the server's address is unavailable (an OSError, too)
├── BrokenOff       an answer without a connection ends where its connection would break
└── ErrorResponse   a request is answered with an error, in OpenAI's shape
"""

import math
import os
from typing import Any

from agents.rehearsal.script import ScriptedFault


class CannotListen(OSError):
    """Raised at the server's start only. A line that can't be written is an OSError as well, and is another fault."""

    @property
    def why(self) -> str | None:
        """The system's words for the error. The error numbers of getaddrinfo are negative, and have their own words."""
        return os.strerror(self.errno) if self.errno and self.errno > 0 else self.strerror


class BrokenOff(Exception):
    """The connection of an answer would break here, by a `drop` or a `close`. begun: part of the answer was sent."""

    def __init__(self, *, begun: bool) -> None:
        super().__init__()
        self.begun = begun


class ScriptError(Exception):
    """A script file is invalid. lines: one per fault, with the file and the path of the key."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class ErrorResponse(Exception):
    """An HTTP status with OpenAI's error body."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str | None = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.body = error_body(message, kind, param, code)


def error_body(message: str, kind: str | None, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def model_not_found(model: str) -> ErrorResponse:
    return ErrorResponse(404, f"The model `{model}` does not exist", param="model", code="model_not_found")


def context_length_exceeded(limit: int, tokens: int) -> ErrorResponse:
    words = (
        f"This model's maximum context length is {limit} tokens. However, your messages resulted in {tokens} tokens."
    )
    return ErrorResponse(400, words, param="messages", code="context_length_exceeded")


def invalid_api_key(given: str) -> ErrorResponse:
    """Refuse a key without repeating it: the answer may be logged."""
    if given:
        return ErrorResponse(401, "Incorrect API key provided.", code="invalid_api_key")
    return ErrorResponse(401, "You didn't provide an API key.", code="invalid_api_key")


def scripted_refusal(fault: ScriptedFault) -> ErrorResponse:
    """Return the refusal of a rate_limit, server_error, overloaded or refused fault."""
    headers = _retry_headers(fault.retry_after_s)
    match fault.name:
        case "rate_limit":
            message = "Rate limit reached for requests."
            return ErrorResponse(429, message, kind="requests", code="rate_limit_exceeded", headers=headers)
        case "overloaded":
            message = "The engine is currently overloaded, please try again later."
            return ErrorResponse(503, message, kind="server_error", code="overloaded", headers=headers)
        case "refused":
            status, message = fault.status or 500, fault.message or "The request was refused."
            return ErrorResponse(status, message, kind=fault.type, code=fault.code, headers=headers)
        case _:
            message = "The server had an error while processing your request."
            return ErrorResponse(500, message, kind="server_error", code="server_error", headers=headers)


def _retry_headers(retry_after_s: float | None) -> dict[str, str]:
    """Return Retry-After in whole seconds (RFC 9110, 10.2.3), and retry-after-ms with the exact value."""
    if retry_after_s is None:
        return {}
    return {"retry-after": str(math.ceil(retry_after_s)), "retry-after-ms": f"{retry_after_s * 1000:g}"}
