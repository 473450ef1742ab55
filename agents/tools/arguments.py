"""The arguments of a call: from the wire string to validated values, or to faults that the model can correct.

Nothing is guessed: a truncated string is an error, and "5" is not an integer. Two habits of models are allowed. An
empty string means no arguments. An object that was encoded twice is decoded twice.
"""

import json
from typing import Any, Final, Never

from pydantic import ValidationError

from agents.core.depth import EXPECTED as NOT_DEEP
from agents.core.depth import too_deep
from agents.tools.errors import InvalidArguments
from agents.tools.signature import Validator

SNIPPET_CHARS = 40
MAX_FAULTS = 10
"""The most faults of one value that a model gets."""


def validated(text: str, validator: Validator, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the values of the object in text, validated. Raises InvalidArguments and nothing else.

    names: the argument names that the object may have.
    """
    document = object_text(text)
    try:
        # strict: the values must fit the schema that the model was shown. In JSON mode a date may still be a string.
        return validator.validate_json(document, strict=True)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)
        lines = [_fault(dict(each), names) for each in faults[:MAX_FAULTS]]
        more = [f"and {len(faults) - MAX_FAULTS} faults more"] if len(faults) > MAX_FAULTS else []
        raise InvalidArguments(*lines, *more) from None


def object_text(text: str) -> str:
    """Return the text of one JSON object, unwrapped once if it is in a JSON string."""
    if not text.strip():
        return "{}"
    value = _decoded(text)
    if isinstance(value, str):
        text, value = value, _decoded(value)
    if not isinstance(value, dict):
        raise InvalidArguments(f"arguments: expected a JSON object, got {snippet(text)}")
    if too_deep(value):
        raise InvalidArguments(f"arguments: {NOT_DEEP}")
    return text


def _decoded(text: str) -> Any:
    try:
        text.encode()
        return _decoder.decode(text)
    except json.JSONDecodeError as error:
        around = text[max(0, error.pos - SNIPPET_CHARS // 2) :]
        raise InvalidArguments(
            f"arguments: expected valid JSON, got a fault at character {error.pos} of {len(text)}: "
            f"{error.msg}, near {snippet(around)}"
        ) from None
    except RecursionError:
        raise InvalidArguments(f"arguments: {NOT_DEEP}") from None
    except ValueError as error:  # an integer of thousands of digits, half of a surrogate pair, NaN
        raise InvalidArguments(f"arguments: expected valid JSON, got: {error}") from None


def _refuse_constant(constant: str) -> Never:
    raise ValueError(f"{constant}, which is not JSON")


_decoder: Final = json.JSONDecoder(parse_constant=_refuse_constant)
"""Made once: json.loads would make one for each call, and take 1.5 us longer."""


def _fault(error: dict[str, Any], names: tuple[str, ...]) -> str:
    """Return one line: the argument, what was expected, and what came."""
    path = _place(error, "arguments")
    match error["type"]:
        case "missing_argument":
            return f"{path}: expected this argument, got none"
        case "unexpected_keyword_argument":
            return f"{path}: expected only {', '.join(names) or 'no arguments'}, got this one too"
        case _:
            return fault_line(error, "arguments")


def fault_line(error: dict[str, Any], whole: str) -> str:
    """Return a fault that pydantic found as one line. whole: the name of the checked value."""
    message = " ".join(error["msg"].split())
    return f"{_place(error, whole)}: {message[:1].lower()}{message[1:]}, got {snippet(error['input'])}"


def _place(error: dict[str, Any], whole: str) -> str:
    return ".".join(map(_step, error["loc"])) or whole


def _step(part: str | int) -> str:
    """Return one part of a path. A name that the schema does not have is quoted."""
    return snippet(part) if isinstance(part, str) and not part.isidentifier() else str(part)


def snippet(value: Any) -> str:
    """Return the beginning of a value as JSON on one line. Text that is not JSON is shown as a string."""
    try:
        shown = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return f"a {type(value).__name__}"
    return shown if len(shown) <= SNIPPET_CHARS else f"{shown[:SNIPPET_CHARS]}..."
