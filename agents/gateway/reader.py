"""A client's place in a stream: what it is sent next, in batches.

The stream goes on without its readers. One that reads slowly has the stream's buffer_size of events before it, then it
gets the rest joined (docs/subscribers.md): so much memory a client, whatever the stream says.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final, Self, TypeAlias

from actors import Down, Mailbox, MailboxClosed, Pid
from agents import agent
from agents.core.errors import HandlerCrashed
from agents.core.events import TERMINAL, Event, StreamError

BATCH: Final = 512  # events that are written at once


class ReaderClosed(Exception):
    """The reader was closed: its client has gone, or may read no more."""


class Reader:
    """Of one stream. To be closed. seq: of the last event that was taken."""

    def __init__(self, stream_id: str, after: int = 0) -> None:
        self.stream_id, self.seq = stream_id, after
        self._box = Mailbox()

    def close(self) -> None:
        """A caller of `batches` gets ReaderClosed."""
        self._box.close()

    def ask(self, pid: Pid, message: str) -> None:
        """Read the answer; if the agent has been asked by this id before, that answer. Raises CallFailed, closed."""
        self._box.monitor(pid)
        try:
            agent.stream_chat(pid, message, self._box.pid, stream_id=self.stream_id)
        except BaseException:
            self.close()
            raise

    async def follow(self, pid: Pid) -> bool:
        """Read what comes after seq. False, or CallFailed: the agent has no such stream, and the reader is closed."""
        self._box.monitor(pid)
        found = False
        try:
            found = await agent.follow(pid, self.stream_id, self._box.pid, after=self.seq)
        finally:
            if not found:
                self.close()
        return found

    async def batches(self, pause_s: float) -> AsyncGenerator[list[Event], None]:
        """What has come, at least one event; or nothing, after a pause. The last batch ends with a terminal event."""
        gone = False
        while True:
            try:
                messages = await self._box.receive_many(BATCH, self._patience_s() if gone else pause_s)
            except MailboxClosed:
                raise ReaderClosed from None
            except TimeoutError:
                yield [self._last_words()] if gone else []
                if gone:
                    return
                continue
            events = [message for message in messages if type(message) is not Down]
            gone = gone or len(events) < len(messages)
            if events:
                self.seq = events[-1].seq
                yield events
                if isinstance(events[-1], TERMINAL):
                    return

    def _patience_s(self) -> float:
        """An agent's stream that has begun has a handler, which says how it ends; one that waited has nobody."""
        return agent.LAST_WORDS_S if self.seq else 0.0

    def _last_words(self) -> Event:
        return StreamError(HandlerCrashed("its agent ended"), stream_id=self.stream_id, seq=self.seq + 1)


Read: TypeAlias = Callable[[int, int], Awaitable[list[Event]]]
"""The events with a seq above a place, up to so many places on. Some may be missing."""


class Replay:
    """As a Reader, of a stream that has ended and is only kept: page by page from the store. To be closed.

    last_seq: of the stream. first: the first page, read before the answer begins, so that a fault is still a status.
    """

    def __init__(self, stream_id: str, after: int, last_seq: int, read: Read, first: list[Event]) -> None:
        self.stream_id, self.seq = stream_id, after
        self._last_seq, self._read, self._first = last_seq, read, first
        self._closed = False

    @classmethod
    async def of(cls, stream_id: str, after: int, last_seq: int, read: Read) -> Self:
        """Raises SessionError."""
        return cls(stream_id, after, last_seq, read, await read(after, BATCH))

    def close(self) -> None:
        """A caller of `batches` gets ReaderClosed."""
        self._closed = True

    async def batches(self, _pause_s: float) -> AsyncGenerator[list[Event], None]:
        """A page each. The last one ends with a terminal event. Raises SessionError."""
        start = self.seq
        for place in range(start, self._last_seq, BATCH):
            events = self._first if place == start else await self._read(place, BATCH)
            if self._closed:
                raise ReaderClosed
            if events:
                self.seq = events[-1].seq
                yield events


AnyReader: TypeAlias = Reader | Replay
