"""Text: which str a caller or a client may give as text, and how any str is sent.

Text is a str that UTF-8 can encode. Half of a surrogate pair is no character: no socket and no database takes one. So
text is checked where it is given. A half that came in another way, from an old store say, is sent as U+FFFD.
"""

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from agents.core.depth import MAX_DEPTH

ID: Final = r"[A-Za-z0-9._~-]{1,128}"
"""The grammar of the id of an agent, a session or a stream: an id is part of a path as it is."""
ID_WORDS: Final = "1 to 128 of A-Z a-z 0-9 . _ ~ -"

TEXT: Final = "text that UTF-8 can encode"
HALF: Final = "half of a surrogate pair"
"""Expected and got, in the words of an error."""

_DEEPEST: Final = MAX_DEPTH + 16
"""A request or an answer holds data that nests as deep as it may inside its own messages and items."""
_HALF: Final = re.compile("[\ud800-\udfff]")
_IS_ID: Final = re.compile(ID).fullmatch
_ENCODER: Final = msgspec.json.Encoder()


def is_text(value: str) -> bool:
    return value.isascii() or _HALF.search(value) is None


def is_id(value: object) -> bool:
    return isinstance(value, str) and _IS_ID(value) is not None


def no_text_in(data: Any) -> tuple[str, str] | None:
    """Where the data has bytes, or a str that is not text, as "tools.0", and what is there; None if all is text.

    data: JSON data, or any value: other objects than dicts, lists and tuples are not looked into.
    """
    seen: set[int] = set()
    left: list[tuple[str, Any]] = [("", data)]
    while left:
        place, value = left.pop()
        if isinstance(value, bytes | bytearray):
            return place, "bytes"
        if isinstance(value, str):
            if not is_text(value):
                return place, HALF
        elif isinstance(value, dict | list | tuple) and id(value) not in seen:
            seen.add(id(value))  # the data may hold itself
            named = value.items() if isinstance(value, dict) else enumerate(value)
            for key, item in named:
                at = f"{place}.{key}" if place else str(key)
                left += ((joined_surrogates(at), key), (joined_surrogates(at), item))
    return None


def joined_surrogates(text: str) -> str:
    """The text with each surrogate pair as its character and each lone surrogate as U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def each_text(change: Callable[[str], str], data: Any, depth: int = 0) -> Any:
    """JSON data with each str changed, also in keys. Data that nests deeper than _DEEPEST stays as it is.

    depth: of the data in its document.
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
    """The data as JSON in UTF-8, whatever its strings hold."""
    try:
        return _ENCODER.encode(data)
    except UnicodeEncodeError:
        return _ENCODER.encode(each_text(joined_surrogates, msgspec.to_builtins(data)))
