"""A client's place in a stream: what it is sent next, in batches.

The stream goes on without its readers. One that reads slowly has the stream's buffer_size of events before it, then it
gets the rest joined (docs/subscribers.md): so much memory a client, whatever the stream says.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Final

from actors import Down, Mailbox, Pid
from agents import agent
from agents.core.errors import HandlerCrashed
from agents.core.events import TERMINAL, Event, StreamError

BATCH: Final = 512  # events that are written at once


class Reader:
    """Of one stream. To be closed. seq: of the last event that was taken."""

    def __init__(self, stream_id: str, after: int = 0) -> None:
        self.stream_id, self.seq = stream_id, after
        self._box = Mailbox()

    def close(self) -> None:
        """Who waits for a batch gets MailboxClosed."""
        self._box.close()

    def ask(self, pid: Pid, message: str) -> None:
        """Read the answer; if the agent has been asked by this id before, that answer. Raises CallFailed, closed."""
        self._box.process.monitor(pid)
        try:
            agent.stream_chat(pid, message, self._box.pid, stream_id=self.stream_id)
        except BaseException:
            self.close()
            raise

    async def follow(self, pid: Pid) -> bool:
        """Read what comes after seq. False, or CallFailed: the agent has no such stream, and the reader is closed."""
        self._box.process.monitor(pid)
        found = False
        try:
            found = await agent.follow(pid, self.stream_id, self._box.pid, after=self.seq)
        finally:
            if not found:
                self.close()
        return found

    def replay(self, events: Sequence[Event]) -> None:
        """Read these, which end the stream."""
        for event in events:
            self._box.process.deliver(event, None)

    async def batches(self, pause_s: float) -> AsyncGenerator[list[Event], None]:
        """What has come, at least one event; or nothing, after a pause. The last batch ends with a terminal event."""
        gone = False
        while True:
            try:
                messages = await self._box.receive_many(BATCH, self._patience_s() if gone else pause_s)
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
