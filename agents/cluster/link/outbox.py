"""The messages and events that a link is about to send, as frames in order.

A link sends once per turn of the event loop. So all events of that turn share a frame, and no event waits for others.
"""

from collections import deque
from typing import Final

from agents.cluster.errors import TooLarge
from agents.cluster.link.counts import COUNTS
from agents.cluster.link.wire import HEAD, MAX_FRAME, Credit, Events, LinkMessage, encoded, frame, parts_of

BATCH_HEAD: Final = 40  # at most: the bytes of Events, of a follow's tuple, its id, and the length of its list
EVENT_HEAD: Final = 5  # at most: the bytes of an event's length
MAX_EVENT: Final = MAX_FRAME - HEAD - BATCH_HEAD - EVENT_HEAD


class Outbox:
    """State: complete frames, the messages of the next one, the events after those messages, and credits.

    size: at most the bytes that wait, without credits.
    """

    __slots__ = ("_batches", "_credits", "_frames", "_messages", "_next", "size")

    def __init__(self) -> None:
        self.size = 0
        self._frames: deque[tuple[bytes, int]] = deque()  # with the part of `size` that each is
        self._next = HEAD  # at most: the bytes of the next frame
        self._messages: list[bytes] = []
        self._batches: dict[int, list[bytes]] = {}
        self._credits: dict[int, int] = {}

    def put(self, message: LinkMessage) -> None:
        """Add a message after everything that was added before it. Raises TooLarge, and adds nothing."""
        for part in parts_of(encoded(message)):
            self._seal_events()
            self._reserve(len(part))
            self._messages.append(part)

    def put_event(self, id_: int, event: bytes) -> None:
        """Add an event of a follow. Raises TooLarge, and adds nothing."""
        size = len(event) + EVENT_HEAD
        batch = self._batches.get(id_)
        if batch is None or self._next + size > MAX_FRAME:
            if len(event) > MAX_EVENT:
                raise TooLarge(f"expected an event of at most {MAX_EVENT} bytes, got more")
            self._reserve(size + BATCH_HEAD)
            self._batches.setdefault(id_, []).append(event)
        else:
            self._next += size
            self.size += size
            batch.append(event)

    def put_credit(self, id_: int, count: int) -> None:
        self._credits[id_] = self._credits.get(id_, 0) + count

    def take(self) -> bytes | None:
        """Remove the next frame, and return it. Return None if nothing waits."""
        if self._credits:
            credit, self._credits = Credit(list(self._credits.items())), {}
            self.put(credit)
        if not self._frames:
            self._seal_frame()
        if not self._frames:
            return None
        taken, size = self._frames.popleft()
        self.size -= size
        return taken

    def _reserve(self, size: int) -> None:
        """Reserve bytes of the next frame, or of a new one if the next frame has no room for them."""
        if self._next + size > MAX_FRAME:
            self._seal_frame()
        self._next += size
        self.size += size

    def _seal_events(self) -> None:
        if self._batches:
            COUNTS.events_out += sum(map(len, self._batches.values()))
            self._messages.append(encoded(Events(list(self._batches.items()))))
            self._batches = {}

    def _seal_frame(self) -> None:
        self._seal_events()
        if self._messages:
            self._frames.append((frame(self._messages), self._next - HEAD))
            self._messages, self._next = [], HEAD
