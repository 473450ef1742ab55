"""A provider's errors read into ApiError.

Each provider has its own shape of error body, so these readers look in every field that may hold a message.
"""

import json
from typing import Any

from agents.core.depth import EXPECTED, too_deep
from agents.core.errors import ApiError
from agents.core.retry import CONTEXT_LENGTH
from agents.core.sse import EventTooLarge
from agents.llm.context_length import too_long
from agents.llm.sse import ErrorData, SseDecoder
from agents.llm.text import joined_surrogates, one_line

MESSAGE_LIMIT = 500
EXCERPT_LIMIT = 200

_NAMES = (
    "error",
    "message",
    "msg",
    "detail",
    "details",
    "errors",
    "error_message",
    "error_msg",
    "status_msg",
    "base_resp",
    "description",
    "title",
    "exception",
    "err",
    "errorMessage",
    "Message",
    "fault",
    "faultstring",
)
_DEPTH = 5
_SUCCESS = (0, 200, 201, 20000)
_FAILED = ("error", "fail", "failed", "failure")
_NO_FAILURE = ("", "0", "200", "201", "20000", "null", "none", "ok", "success")


def api_error(status: int, body: bytes, retry_after_s: float | None = None) -> ApiError:
    """Return the fault of an HTTP answer with an error status. The body may be of any kind."""
    text = body.decode("utf-8", "replace")
    value = _json(text)
    if value is None:
        value = _error_in_lines(text) or _error_in_events(body)
    if not isinstance(value, (dict, list)):
        limit = EXCERPT_LIMIT if text.lstrip().startswith("<") else MESSAGE_LIMIT
        return _api_error(status, text, None, retry_after_s, limit)
    return _api_error(status, _message(value), _kind(value), retry_after_s)


def error_in_stream(value: Any) -> ApiError:
    """Return the fault of an error in a stream or a 200 answer. Its code is the HTTP status in the error, else 0."""
    return _api_error(_status(value), _message(value), _kind(value))


def _api_error(
    status: int, text: str, kind: str | None, retry_after_s: float | None = None, limit: int = MESSAGE_LIMIT
) -> ApiError:
    """Return the fault. A request that is too long for the context window has the same kind at each provider."""
    kind = CONTEXT_LENGTH if too_long(status, text, kind) else kind
    return ApiError(status, one_line(text, limit) or "empty answer", kind, retry_after_s)


def is_error(value: Any) -> bool:
    """Return whether a JSON value is an error in a known shape. Next to choices only the unambiguous shapes count."""
    if isinstance(value, list) and value:  # Gemini: a list of one
        value = value[0]
    if not isinstance(value, dict):
        return False
    base = value.get("base_resp")
    if _says(value.get("error")) or (isinstance(base, dict) and _is_failure(base.get("status_code"))):
        return True
    if value.get("choices"):
        return False
    if "error" in (value.get("type"), value.get("object")) or value.get("success") is False or _is_bare_error(value):
        return True
    if any(_says(value.get(name)) for name in ("errors", "detail", "error_message", "error_msg")):
        return True
    if not any(_says(value.get(name)) for name in ("status_msg", "msg", "message")):
        return False
    status = value.get("status")
    failed = status in _FAILED if isinstance(status, str) else _is_failure(status)
    return failed or any(_is_failure(value.get(name)) for name in ("status_code", "code"))


def has_words(value: Any) -> bool:
    """Return whether a JSON object or list has a message for a person."""
    return isinstance(value, (dict, list)) and bool(_words(value, _DEPTH))


def _is_bare_error(value: dict[str, Any]) -> bool:
    """Return whether this is an error without its outer object: a type like "invalid_request_error", and a message."""
    kind = value.get("type")
    return isinstance(kind, str) and kind.lower().endswith("error") and _says(value.get("message"))


def _json(body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _says(value: Any) -> bool:
    """Return whether the value means an error. An error object of zeros and empty texts does not."""
    match value:
        case str():
            return value.strip().lower() not in _NO_FAILURE
        case dict():
            return any(_says(item) for item in value.values())
        case list():
            return any(_says(item) for item in value)
        case _:
            return bool(value)


def _is_failure(code: Any) -> bool:
    if isinstance(code, str):
        return code.strip().lower() not in _NO_FAILURE
    return isinstance(code, int | float) and not isinstance(code, bool) and code not in _SUCCESS


def _error_in_lines(text: str) -> Any:
    """Return the error in a body of JSON lines, else None."""
    values = (_json(line) for line in text.splitlines() if line.startswith("{"))
    return next((value for value in values if is_error(value)), None)


def _error_in_events(body: bytes) -> Any:
    """Return the error in a body that is an event stream despite its error status, else None."""
    decoder = SseDecoder()
    try:
        payloads = [*decoder.feed(body), *decoder.end()]
    except EventTooLarge:
        return None
    values = [_json(payload.decode("utf-8", "replace")) for payload in payloads]
    error = next((found for value in values for found in (value, *_within(value)) if is_error(found)), None)
    if error is None:  # an event named error may hold anything
        error = next((_json_or_text(payload) for payload in payloads if isinstance(payload, ErrorData)), None)
    if error is None:
        error = next((value for value in values if has_words(value)), None)
    if error is None:
        error = next((_json_or_text(payload) for payload in payloads if payload.strip().upper() != b"[DONE]"), None)
    return {"error": error} if isinstance(error, str) else error


def _within(value: Any) -> list[Any]:
    """Return the places where an event may hold its error: its response and its choices."""
    if not isinstance(value, dict):
        return []
    choices = value.get("choices")
    return [value.get("response"), *(choices if isinstance(choices, list) else ())]


def _json_or_text(payload: bytes) -> Any:
    text = payload.decode("utf-8", "replace")
    value = _json(text)
    return text if value is None else value


def _message(value: Any) -> str:
    return joined_surrogates(_words(value, _DEPTH)) or (EXPECTED if too_deep(value) else json.dumps(value))


def _words(value: Any, depth: int) -> str:
    """Return the message for a person from any known field, or an empty text."""
    match value:
        case str():
            return value.strip()
        case list() if depth:
            return "; ".join(words for item in value if (words := _words(item, depth - 1)))
        case dict() if depth:
            found = next((words for name in _NAMES if (words := _words(value.get(name), depth - 1))), "")
            return _with_upstream(found, value.get("metadata"))
        case _:
            return ""


def _with_upstream(message: str, metadata: Any) -> str:
    """Return a router's message with the provider's own error, which OpenRouter gives in metadata.raw."""
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    return f"{message}: {raw}" if message and isinstance(raw, str) and raw else message


def _kind(value: Any) -> str | None:
    """Return the most specific word for the kind of error: a code that is a word, else the type, else a number."""
    error = _innermost(value)
    code, kind = error.get("code") or error.get("status_code"), error.get("type")
    for word in (code, kind, error.get("status")):
        if isinstance(word, str) and word and not word.isdecimal() and word not in ("error", "response.failed"):
            return one_line(joined_surrogates(word), EXCERPT_LIMIT)
    return str(code) if isinstance(code, (str, int)) and code else None


def _status(value: Any) -> int:
    error = _innermost(value)
    for name in ("status_code", "status", "code"):
        number = error.get(name)
        if isinstance(number, str) and number.isdecimal() and len(number) == 3:
            number = int(number)
        if isinstance(number, int) and 400 <= number <= 599:
            return number
    return 0


def _innermost(value: Any) -> dict[str, Any]:
    """Return the object with code and type: under `error`, in a list with one element, or the body itself."""
    for _ in range(_DEPTH):
        if isinstance(value, list) and value:
            value = value[0]
        elif isinstance(value, dict) and (inner := value.get("error") or value.get("base_resp")):
            value = inner if isinstance(inner, (dict, list)) else value
    return value if isinstance(value, dict) else {}
