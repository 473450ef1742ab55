"""The messages and events that a link is about to send, as frames in order.

A link sends once per turn of the event loop. So all events of that turn share a frame, and no event waits for others.
"""

from typing import Final

from agents.cluster.errors import TooLarge
from agents.cluster.link.counts import COUNTS
from agents.cluster.link.wire import HEAD, MAX_FRAME, MAX_MESSAGE, Credit, Events, LinkMessage, encoded, frame, parts_of

BATCH_HEAD: Final = 20  # at most: the bytes of a follow's tuple, its id, and the length of its list
EVENT_HEAD: Final = 5  # at most: the bytes of an event's length
MAX_BATCHES: Final = MAX_MESSAGE - 64


class Outbox:
    """State: complete frames, the messages of the next one, and the events and credits after those messages.

    size: the bytes that wait, without credits.
    """

    __slots__ = ("_batches", "_batches_bytes", "_credits", "_frames", "_messages", "_size", "size")

    def __init__(self) -> None:
        self.size = 0
        self._frames: list[bytes] = []
        self._messages: list[bytes] = []
        self._size = HEAD
        self._batches: dict[int, list[bytes]] = {}
        self._batches_bytes = 0
        self._credits: dict[int, int] = {}

    def put(self, message: LinkMessage) -> None:
        """Add a message after everything that was added before it. Raises TooLarge, and adds nothing."""
        made = encoded(message)
        self._seal_events()
        for part in parts_of(made):
            self._append(part)
        self.size += len(made)

    def put_event(self, id_: int, event: bytes) -> None:
        """Add an event of a follow. Raises TooLarge, and adds nothing."""
        size = len(event) + EVENT_HEAD
        batch = self._batches.get(id_)
        if batch is None or self._batches_bytes + size > MAX_BATCHES:
            batch = self._begin_batch(id_, size + BATCH_HEAD)
            size += BATCH_HEAD
        batch.append(event)
        self._batches_bytes += size
        self.size += size

    def put_credit(self, id_: int, count: int) -> None:
        self._credits[id_] = self._credits.get(id_, 0) + count

    def take(self) -> list[bytes]:
        """Remove everything, and return it as frames."""
        self._seal_events()
        if self._credits:
            self._append(encoded(Credit(list(self._credits.items()))))
            self._credits = {}
        if self._messages:
            self._seal_frame()
        taken, self._frames, self.size = self._frames, [], 0
        return taken

    def _begin_batch(self, id_: int, size: int) -> list[bytes]:
        if size > MAX_BATCHES:
            raise TooLarge(f"expected an event of at most {MAX_BATCHES - BATCH_HEAD - EVENT_HEAD} bytes, got more")
        if self._batches_bytes + size > MAX_BATCHES:
            self._seal_events()
        return self._batches.setdefault(id_, [])

    def _seal_events(self) -> None:
        if self._batches:
            COUNTS.events_out += sum(map(len, self._batches.values()))
            self._append(encoded(Events(list(self._batches.items()))))
            self._batches, self._batches_bytes = {}, 0

    def _append(self, message: bytes) -> None:
        if self._size + len(message) > MAX_FRAME:
            self._seal_frame()
        self._messages.append(message)
        self._size += len(message)

    def _seal_frame(self) -> None:
        self._frames.append(frame(self._messages))
        self._messages, self._size = [], HEAD
