"""The server-sent events of a gateway, with their names and ids."""

import sys
from typing import NamedTuple

from agents.core.sse import EventDecoder, field_of


class Frame(NamedTuple):
    """A server-sent event. id: None if the event has no id, or one that is not a seq."""

    name: str
    data: bytes
    id: int | None


class Frames(EventDecoder[Frame]):
    """A decoder of chunks. An event without data, such as a comment that keeps the connection alive, is dropped."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(limit_bytes=sys.maxsize)  # the client trusts its daemon

    def _events_in(self, whole: bytes) -> list[Frame]:
        return [frame for event in whole.split(b"\n\n") if (frame := _frame(event.split(b"\n"))).data]


def _frame(lines: list[bytes]) -> Frame:
    name, data, id_ = "message", list[bytes](), None
    for line in lines:
        field, value = field_of(line)
        match field:
            case b"event":
                name = value.decode()
            case b"data":
                data.append(value)
            case b"id":
                id_ = int(value) if value.isdigit() else None
    return Frame(name, b"\n".join(data), id_)
