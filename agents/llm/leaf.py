"""Leaves of a provider's JSON, which come in every type that JSON has."""

from collections.abc import Hashable
from typing import Any, Final

import msgspec

from agents.core.depth import EXPECTED, too_deep
from agents.llm.text import safe

_DEPTH: Final = 4
_ABSENT: Final = ("", "null", "none", "undefined")
_TEXT_FIELDS: Final = ("text", "thinking", "reasoning", "reasoning_content", "content", "summary")


def key_of(index: Any) -> Hashable:
    """An index as a key: 0, "0", 0.0 and false are one key. None where there is no index."""
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
    """Arguments, or a piece of them, as text: what is not text is written as JSON. Empty where nothing came."""
    if value is None or isinstance(value, str):
        return value or ""
    if too_deep(value):
        return EXPECTED  # not JSON, so it is the call's error
    try:
        return msgspec.json.encode(safe(value)).decode()
    except ValueError:  # a number that no encoder takes: no arguments for a tool either
        return type(value).__name__


def text_in(value: Any, depth: int = _DEPTH) -> str:
    """The text of a string, of an object that holds it in one of the usual fields, or of a list of both."""
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
