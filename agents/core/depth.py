"""The limit on how deep data may nest, wherever data is read, made or kept.

Encoders and decoders of JSON recurse, and raise at a depth that depends on their caller. Data within the limit can be
encoded inside every record, frame and request, so no reader has to fear what another one accepted.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any, Final

MAX_DEPTH: Final = 64
"""Containers inside each other: [] has depth 1, [[]] depth 2. Documents of people and APIs stay far below it."""

EXPECTED: Final = f"expected JSON nested at most {MAX_DEPTH} deep, got deeper"


def json_members(value: Any) -> Iterable[Any]:
    """The members of a container of JSON data; none of anything else."""
    return value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()


def too_deep(value: Any, members: Callable[[Any], Iterable[Any]] = json_members) -> bool:
    """True if the value nests deeper than MAX_DEPTH; a value that contains itself does.

    The walk goes level by level, through each object of a level once. It takes no stack.
    members: the parts of a value; of a scalar none. In the last level only containers of JSON count.
    """
    level = [value]
    for _ in range(MAX_DEPTH):
        inner = {id(part): part for each in level for part in members(each)}
        if not inner:
            return False
        level = list(inner.values())
    return any(isinstance(each, (dict, list, tuple)) for each in level)


def text_too_deep(document: str | bytes) -> bool:
    """True if this JSON nests deeper than MAX_DEPTH. False for a text that is not JSON: its own reader reports that."""
    text = document.encode(errors="replace") if isinstance(document, str) else document
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:  # nearly always: no need to decode it
        return False
    try:
        return too_deep(json.loads(document))
    except RecursionError:
        return True
    except ValueError:
        return False
