"""The result of a tool: as plain JSON data, and as the text that the model reads."""

from typing import Any, Final

import msgspec

from agents.tools.plain import beginning
from agents.tools.text import cut

MAX_RESULT_BYTES: Final = 1024 * 1024


def bounded(value: Any, limit_bytes: int = MAX_RESULT_BYTES) -> Any:
    """Return the value as JSON data within the limit, else its text, cut. Raises InvalidData as `plain` does."""
    built, whole = beginning(value, MAX_RESULT_BYTES)
    text = result_text(built)
    fits = whole and (len(text) * 4 <= limit_bytes or len(text.encode()) <= limit_bytes)
    return built if fits else cut(text, limit_bytes, whole=whole)


def result_text(value: Any) -> str:
    """Return the text that the model reads: a string unchanged, any other data as compact JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
