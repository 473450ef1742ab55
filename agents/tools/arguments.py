"""The arguments of a call: from the wire string to validated values, or to faults that the model can act on.

Nothing is guessed: a string that ends too early stays an error, "5" is no integer. Two habits of models are allowed
for: an empty string means no arguments, and an object that was encoded twice is decoded twice.
"""

import json
from typing import Any, Never

from pydantic import ValidationError

from agents.core.depth import EXPECTED as NOT_DEEP
from agents.core.depth import too_deep
from agents.tools.errors import InvalidArguments
from agents.tools.signature import Validator

SNIPPET_CHARS = 40
MAX_FAULTS = 10


def validated(text: str, validator: Validator, names: tuple[str, ...]) -> dict[str, Any]:
    """The values that the object in text gives. names: what it may hold. Raises InvalidArguments and nothing else."""
    document = _object_text(text)
    try:
        # strict: the schema that the model was shown is what counts. In JSON mode a date may still be a string.
        return validator.validate_json(document, strict=True)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)
        lines = [_fault(dict(each), names) for each in faults[:MAX_FAULTS]]
        more = [f"and {len(faults) - MAX_FAULTS} faults more"] if len(faults) > MAX_FAULTS else []
        raise InvalidArguments(*lines, *more) from None


def _object_text(text: str) -> str:
    """The text of one JSON object, unwrapped once if it is inside of a JSON string."""
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
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        around = text[max(0, error.pos - SNIPPET_CHARS // 2) :]
        raise InvalidArguments(
            f"arguments: expected valid JSON, got a fault at character {error.pos} of {len(text)}: "
            f"{error.msg}, near {snippet(around)}"
        ) from None
    except RecursionError:
        raise InvalidArguments(f"arguments: {NOT_DEEP}") from None
    except ValueError as error:  # a number of thousands of digits, a half of a surrogate pair, NaN
        raise InvalidArguments(f"arguments: expected valid JSON, got: {error}") from None


def _refuse_constant(constant: str) -> Never:
    raise ValueError(f"{constant}, which is not JSON")


def _fault(error: dict[str, Any], names: tuple[str, ...]) -> str:
    """One line: which argument, what was expected, what came."""
    path = ".".join(map(_step, error["loc"])) or "arguments"
    match error["type"]:
        case "missing_argument":
            return f"{path}: expected this argument, got none"
        case "unexpected_keyword_argument":
            return f"{path}: expected only {', '.join(names) or 'no arguments'}, got this one too"
        case _:
            message = " ".join(error["msg"].split())
            return f"{path}: {message[:1].lower()}{message[1:]}, got {snippet(error['input'])}"


def _step(part: str | int) -> str:
    """A part of a path; quoted where the model made up a name that is none."""
    return snippet(part) if isinstance(part, str) and not part.isidentifier() else str(part)


def snippet(value: Any) -> str:
    """The beginning of a value as JSON, on one line; of a text that is no JSON, as a string."""
    try:
        shown = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return f"a {type(value).__name__}"
    return shown if len(shown) <= SNIPPET_CHARS else f"{shown[:SNIPPET_CHARS]}..."
