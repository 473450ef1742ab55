"""Find the chunks of a chunked HTTP body without the HTTP parser. Source: RFC 9112, 7.1.

A provider writes each event as one chunk, and one read usually brings one whole chunk. The parser is then between two
chunks. A whole chunk that bypasses the parser does not change the parser's state.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

_head: Final = re.compile(rb"([0-9A-Fa-f]{1,7})\r\n").match
"""The size line of a chunk. A size line with an extension is left to the parser."""
_border: Final = re.compile(rb"(?:\A|\r\n)(?=[0-9A-Fa-f]{1,7}\r\n)").search


def whole_chunks(data: bytes) -> tuple[Sequence[bytes], int]:
    """Return the contents of the whole chunks at the beginning of data, and the index of the rest.

    The last chunk, which is empty and ends the body, belongs to the rest.
    """
    size = len(data)
    only = _head_of_one(size)
    if only and data.startswith(only) and data.endswith(b"\r\n"):  # nearly every read
        return [data[len(only) : -2]], size
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


@lru_cache(maxsize=4096)
def _head_of_one(size: int) -> bytes:
    """Return the size line of a whole chunk that takes this number of bytes, or nothing if no chunk does.

    A comparison with this line takes half the time of parsing the line of a read.
    """
    heads = (b"%x\r\n" % (size - digits - 4) for digits in range(1, 8) if size > digits + 4)
    return next((head for head in heads if size == len(head) + int(head, 16) + 2), b"")


def next_chunk(data: bytes) -> tuple[int, int, bytes]:
    """Return begin, end and content of the first part that looks like a whole chunk, else data's end and no content."""
    border = _border(data)
    if border is not None and (head := _head(data, border.end())):
        begin, end = head.end(), head.end() + int(head[1], 16)
        if end > begin and data[end : end + 2] == b"\r\n":
            return border.end(), end + 2, data[begin:end]
    return len(data), len(data), b""
