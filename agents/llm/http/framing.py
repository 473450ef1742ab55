"""Chunks of a chunked HTTP body, found without its parser. Source: RFC 9112, 7.1.

A provider writes each event as one chunk, and nearly always that is what one read brings. The parser of HTTP stands
between two chunks then, and a whole one that it never sees leaves it there.
"""

import re
from collections.abc import Sequence
from typing import Final

_head: Final = re.compile(rb"([0-9A-Fa-f]{1,7})\r\n").match
"""The line of a chunk's size. One with an extension is left to the parser."""
_border: Final = re.compile(rb"(?:\A|\r\n)(?=[0-9A-Fa-f]{1,7}\r\n)").search


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


def next_chunk(data: bytes) -> tuple[int, int, bytes]:
    """Where the first part of data that looks like a whole chunk begins and ends, and what is in it; else its end."""
    border = _border(data)
    if border is not None and (head := _head(data, border.end())):
        begin, end = head.end(), head.end() + int(head[1], 16)
        if end > begin and data[end : end + 2] == b"\r\n":
            return border.end(), end + 2, data[begin:end]
    return len(data), len(data), b""
