"""Leaves of a provider's JSON. Any leaf may come as any JSON type."""

from collections.abc import Hashable
from typing import Any, Final

import msgspec

from agents.core.depth import EXPECTED, too_deep
from agents.llm.text import safe

_DEPTH: Final = 4
_ABSENT: Final = ("", "null", "none", "undefined")
_TEXT_FIELDS: Final = ("text", "thinking", "reasoning", "reasoning_content", "content", "summary")


def key_of(index: Any) -> Hashable:
    """Return an index as a key, or None without an index. 0, "0", 0.0 and false are one key."""
    match index:
        case int():
            return int(index)
        case float():
            return int(index) if index.is_integer() else repr(index)
        case str():
            bare = index.strip()
            return _number_in(bare) if bare.lower() not in _ABSENT else None
        case _:
            return None


def arguments_of(value: Any) -> str:
    """Return arguments, or a piece of them, as text. Other types become JSON, and None becomes an empty text."""
    if value is None or isinstance(value, str):
        return value or ""
    if too_deep(value):
        return EXPECTED  # invalid JSON on purpose: the call fails with this text
    try:
        return msgspec.json.encode(safe(value)).decode()
    except ValueError:  # a number that no encoder accepts can't be an argument of a tool either
        return type(value).__name__


def text_in(value: Any, depth: int = _DEPTH) -> str:
    """Return the text of a string, of an object with a known text field, or of a list of both."""
    match value:
        case str():
            return value
        case list() if depth:
            return "".join(text_in(item, depth - 1) for item in value)
        case dict() if depth:
            return next((text for name in _TEXT_FIELDS if (text := text_in(value.get(name), depth - 1))), "")
        case _:
            return ""


def _number_in(text: str) -> Hashable:
    try:
        number = float(text)
    except ValueError:
        return text
    if not number.is_integer():
        return text
    return int(text) if text.lstrip("+-").isdecimal() and len(text) < _LONGEST_NUMBER else int(number)


_LONGEST_NUMBER: Final = 4000  # Python refuses to read an integer of more than 4300 digits
