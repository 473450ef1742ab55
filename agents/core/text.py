"""Text: the str values that callers and clients may give, and the way that any str is sent.

Text is a str that UTF-8 can encode. Sockets and databases refuse half of a surrogate pair, so text is checked where it
is given. A half from another source, such as an old store, is sent as U+FFFD.
"""

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from agents.core.depth import MAX_DEPTH
from agents.core.faults import Fault, KeyPath

ID: Final = r"[A-Za-z0-9._~-]{1,128}"
"""The grammar of the ids of agents, sessions and streams. An id is part of a path without escapes."""
ID_WORDS: Final = "1 to 128 of A-Z a-z 0-9 . _ ~ -"

TEXT: Final = "text that UTF-8 can encode"
HALF: Final = "half of a surrogate pair"
"""The words of errors about text."""

_DEEPEST: Final = MAX_DEPTH + 16
"""The nesting of a request or an answer: its own messages and items, with data of MAX_DEPTH in them."""
_HALF: Final = re.compile("[\ud800-\udfff]")
_IS_ID: Final = re.compile(ID).fullmatch
_ENCODER: Final = msgspec.json.Encoder()


def is_text(value: str) -> bool:
    return value.isascii() or _HALF.search(value) is None


def is_id(value: object) -> bool:
    return isinstance(value, str) and _IS_ID(value) is not None


def no_text_in(data: Any) -> Fault | None:
    """Find bytes, or a str that is not text, in the data. Return the fault, or None.

    data: JSON data, or any value. Only dicts, lists and tuples are searched.
    """
    seen: set[int] = set()
    left: list[tuple[KeyPath, Any]] = [((), data)]
    while left:
        place, value = left.pop()
        if isinstance(value, bytes | bytearray):
            return Fault(place, TEXT, "bytes")
        if isinstance(value, str):
            if not is_text(value):
                return Fault(place, TEXT, HALF)
        elif isinstance(value, dict | list | tuple) and id(value) not in seen:
            seen.add(id(value))  # the data may contain itself
            named = value.items() if isinstance(value, dict) else enumerate(value)
            for key, item in named:
                at = (*place, key if isinstance(key, int) else joined_surrogates(str(key)))
                left += ((at, key), (at, item))
    return None


def joined_surrogates(text: str) -> str:
    """Return the text with surrogate pairs as characters, and lone surrogates as U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def each_text(change: Callable[[str], str], data: Any, depth: int = 0) -> Any:
    """Return JSON data with each str changed, also in keys. Data that nests deeper than _DEEPEST is not changed.

    depth: the nesting level of the data in its document.
    """
    match data:
        case str():
            return change(data)
        case dict() if depth <= _DEEPEST:
            return {each_text(change, key): each_text(change, item, depth + 1) for key, item in data.items()}
        case list() | tuple() if depth <= _DEEPEST:
            return [each_text(change, item, depth + 1) for item in data]
        case _:
            return data


def to_json(data: Any) -> bytes:
    """Return the data as JSON in UTF-8. Surrogates in its strings are joined or replaced."""
    try:
        return _ENCODER.encode(data)
    except UnicodeEncodeError:
        return _ENCODER.encode(each_text(joined_surrogates, msgspec.to_builtins(data)))
