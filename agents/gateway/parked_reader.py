"""A reader of the stream of a parked turn, which waits for people and has no agent. Reading it starts no agent."""

from collections.abc import AsyncGenerator

from agents.core.events import Event
from agents.gateway.reader import BATCH, Read, Reader, ReaderClosed, Writer
from agents.instance.followers import follow_parked


class ParkedReader(Reader):
    """A reader of the stored events, and then of those that come when the turn goes on. Its owner must close it.

    last_seq: of the events in the store. read: reads them.
    """

    def __init__(self, stream_id: str, after: int, session_id: str, last_seq: int, read: Read) -> None:
        super().__init__(stream_id, after)
        self._session, self._parked = session_id, True
        self._last_seq, self._read, self._closed = last_seq, read, False
        follow_parked(session_id, stream_id, self._box.pid, last_seq)

    def close(self) -> None:
        self._closed = True
        super().close()

    async def batches(self, pause_s: float, writer: Writer | None = None) -> AsyncGenerator[list[Event], None]:
        """Yield the pages of the stored events, and then the batches of Reader. Raises SessionError."""
        for place in range(self.seq, self._last_seq, BATCH):
            events = await self._read(place, BATCH)
            if self._closed:
                raise ReaderClosed
            if events:
                self.seq = events[-1].seq
                yield events
        async for batch in super().batches(pause_s, writer):
            yield batch
