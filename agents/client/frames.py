"""Server-sent events with their ids and names, without I/O. Source: WHATWG HTML, 9.2.6.

In the gateway's frames line ends are LF and data is one line. Comments only keep the connection alive.
"""

from collections.abc import Iterator
from typing import NamedTuple


class Frame(NamedTuple):
    """A server-sent event. id: None if the event has no id."""

    name: str
    data: bytes
    id: int | None


class Frames:
    """A decoder of chunks. feed() yields the events that a chunk completes."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[Frame]:
        *whole, self._rest = (self._rest + chunk).split(b"\n\n")
        for block in whole:
            frame = _frame(block)
            if frame.data:
                yield frame


def _frame(block: bytes) -> Frame:
    name, data, id_ = "message", b"", None
    for line in block.split(b"\n"):
        field, _, value = line.partition(b": ")
        match field:
            case b"event":
                name = value.decode()
            case b"data":
                data = value
            case b"id":
                id_ = int(value)
    return Frame(name, data, id_)
