"""Server-sent events, split from bytes without I/O. Source: WHATWG HTML, 9.2.5 and 9.2.6.

The decoder splits the stream at blank lines as bytes and decodes no text. So a character or a line end may be cut
between two chunks without harm.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

BOM = b"\xef\xbb\xbf"
LIMIT_BYTES = 64 * 1024 * 1024

E = TypeVar("E")


class EventTooLarge(Exception):
    """An event larger than the limit. events: the earlier ones that the same chunk completed."""

    def __init__(self, limit_bytes: int, events: Sequence[Any] = ()) -> None:
        super().__init__(f"expected an event of at most {limit_bytes} bytes, got a larger one")
        self.events = events


class EventDecoder(ABC, Generic[E]):
    """The base of decoders: feed() takes each chunk, and `_events_in` reads whole events."""

    __slots__ = (
        "_at_event_start", "_at_stream_start", "_ends_in_lf", "_limit_bytes", "_pieces", "_size", "_skip_lf",
    )  # fmt: skip

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._pieces: list[bytes] = []  # of the incomplete event; joined once, at its blank line
        self._size = 0
        self._at_stream_start = True
        self._at_event_start = False  # true: all bytes are read, and no byte order mark may follow
        self._ends_in_lf = False
        self._skip_lf = False

    def feed(self, chunk: bytes) -> list[E]:
        """Return the events that this chunk completes, in order. Raises EventTooLarge."""
        chunk = self._only_lf(chunk)
        if self._at_stream_start and not (chunk := self._without_bom(chunk)):
            return []
        self._at_event_start = False
        if b"\n\n" in chunk or (self._ends_in_lf and chunk.startswith(b"\n")):
            return self._complete(chunk)
        self._hold(chunk)
        return []

    def _only_lf(self, chunk: bytes) -> bytes:
        """Return the chunk with CRLF and CR as LF. After a last CR, an LF at the next chunk's start is dropped."""
        if self._skip_lf and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._skip_lf = False
        if b"\r" in chunk:
            self._skip_lf = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return chunk

    def _without_bom(self, chunk: bytes) -> bytes:
        """Return the bytes so far without a byte order mark, or nothing while they may be the beginning of one."""
        head = b"".join(self._pieces) + chunk
        self._pieces = []
        if len(head) < len(BOM) and BOM.startswith(head):
            self._pieces = [head]
            return b""
        self._at_stream_start = False
        return head.removeprefix(BOM)

    def _complete(self, chunk: bytes) -> list[E]:
        whole, _, rest = b"".join([*self._pieces, chunk]).rpartition(b"\n\n")
        if len(whole) + len(rest) > self._limit_bytes:
            self._refuse_large([*whole.split(b"\n\n"), rest])
        self._pieces = []
        self._size = 0
        self._ends_in_lf = False
        self._at_event_start = not rest
        self._hold(rest)
        return self._events_in(whole)

    @abstractmethod
    def _events_in(self, whole: bytes) -> list[E]:
        """Return the events in bytes with LF line ends. Blank lines separate the events."""

    def _refuse_large(self, events: list[bytes]) -> None:
        for position, event in enumerate(events):
            if len(event) > self._limit_bytes:
                raise EventTooLarge(self._limit_bytes, self._events_in(b"\n\n".join(events[:position])))

    def _hold(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)
            self._size += len(piece)
            self._ends_in_lf = piece.endswith(b"\n")
        if self._size > self._limit_bytes + 1:  # 1: the line end may belong to the event
            raise EventTooLarge(self._limit_bytes)


def field_of(line: bytes) -> tuple[bytes, bytes]:
    """Return a line's name and value. The name ends at the first colon; one space after the colon is dropped."""
    field, _, value = line.partition(b":")
    return field, value.removeprefix(b" ")
