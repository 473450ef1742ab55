"""Chunks of a chunked HTTP body, found without its parser. Source: RFC 9112, 7.1.

A provider writes each event as one chunk, and nearly always that is what one read brings. The parser of HTTP stands
between two chunks then, and a whole one that it never sees leaves it there.
"""

import re
from collections.abc import Sequence
from typing import Final

_head: Final = re.compile(rb"([0-9A-Fa-f]{1,7})\r\n").match
"""The line of a chunk's size. One with an extension is left to the parser."""


def whole_chunks(data: bytes) -> tuple[Sequence[bytes], int]:
    """What is in the whole chunks that data begins with, and where the rest begins. The last chunk, which is empty and
    ends the body, belongs to the rest."""
    payloads: list[bytes] = []
    rest = 0
    while head := _head(data, rest):
        begin = head.end()
        end = begin + int(head[1], 16)
        if end == begin or data[end : end + 2] != b"\r\n":
            break
        payloads.append(data[begin:end])
        rest = end + 2
    return payloads, rest
