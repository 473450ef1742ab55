"""The limit on the nesting of data, wherever data is read, made or kept.

Encoders and decoders of JSON recurse, and raise at a depth that depends on their caller. Data within the limit can be
encoded in every record, frame and request.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any, Final

MAX_DEPTH: Final = 64
"""Containers inside each other: [] has depth 1, [[]] depth 2. Documents of people and APIs have far fewer levels."""

SHALLOW: Final = f"JSON nested at most {MAX_DEPTH} deep"
EXPECTED: Final = f"expected {SHALLOW}, got deeper"


def json_members(value: Any) -> Iterable[Any]:
    """Return the members of a container of JSON data, and nothing for any other value."""
    return value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()


def too_deep(value: Any, members: Callable[[Any], Iterable[Any]] = json_members) -> bool:
    """Return whether the value nests deeper than MAX_DEPTH. A value that contains itself does.

    The walk goes level by level, visits each object of a level once, and does not recurse.
    members: returns the parts of a value, none for a scalar. On the last level only containers of JSON count.
    """
    level = [value]
    for _ in range(MAX_DEPTH):
        inner = {id(part): part for each in level for part in members(each)}
        if not inner:
            return False
        level = list(inner.values())
    return any(isinstance(each, (dict, list, tuple)) for each in level)


def text_too_deep(document: str | bytes) -> bool:
    """Return whether this JSON nests deeper than MAX_DEPTH. For invalid JSON return False: its reader reports that."""
    text = document.encode(errors="replace") if isinstance(document, str) else document
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:  # nearly always: no need to decode it
        return False
    try:
        return too_deep(json.loads(document))
    except RecursionError:
        return True
    except ValueError:
        return False
