"""A client's place in a stream, from which it gets events in batches.

A stream does not depend on its readers. A slow reader has up to buffer_size events in its mailbox; later events are
joined (docs/subscribers.md). The memory of a client is therefore bounded.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from functools import partial
from itertools import takewhile
from typing import Any, Final, Self, TypeAlias

from actors import NORMAL, Down, Mailbox, MailboxClosed, Pid
from actors.clock import now_s, unix_s
from agents import agent
from agents.agent_config.request import TurnRequest
from agents.agent_registry import find_agent, id_of, stands_in
from agents.core.errors import HandlerCrashed
from agents.core.events import TERMINAL, Event, StreamError
from agents.gateway.connection import Direct
from agents.instance.by_id import successor
from agents.instance.elsewhere import HANDED_OVER, PARKED, agent_elsewhere, may_be_dead
from agents.parts.given import GivenContent

BATCH: Final = 512  # events per write

PULLED: Final = frozenset({Down, *TERMINAL})
"""The messages that no writer gets."""


class Writer:
    """A writer of events where they arrive. encode: gives the pieces that direct writes."""

    def __init__(self, direct: Direct, encode: Callable[[list[Event]], Iterable[bytes]]) -> None:
        self.writable, self._write, self._encode = direct.writable, direct.write, encode

    def write(self, events: list[Event]) -> None:
        """Write the events. Only while it is writable."""
        self._write(self._encode(events))


class ReaderClosed(Exception):
    """The reader was closed, because its client disconnected or its token was revoked."""


class ReaderMoved(Exception):
    """The stream's agent is on another node now, or its node can't be reached. The stream may go on."""


class Reader:
    """A reader of a live stream. Its owner must close it. seq: of the last event in a batch.

    State: the agent's id, whether the stream may go on after the end of the agent's process on this node, and whether
    the turn was parked, so that the next agent of the session sends the rest.
    """

    def __init__(self, stream_id: str, after: int = 0) -> None:
        self.stream_id, self.seq = stream_id, after
        self._box = Mailbox()
        self._session, self._moves, self._parked = "", False, False
        self._ask: Callable[[Pid], object] | None = None

    def close(self) -> None:
        """A caller of `batches` gets ReaderClosed."""
        self._box.close()

    def ask(self, pid: Pid, message: str | GivenContent, request: TurnRequest | None = None) -> None:
        """Send the message and read its stream. If the agent has a stream with this id, read that stream instead.

        request: as in agent.stream_chat. Raises CallFailed; the reader is then closed.
        """
        self._begin(pid)
        subscriber = self._box.pid
        self._ask = partial(
            agent.stream_chat, message=message, subscriber_pid=subscriber, stream_id=self.stream_id, request=request
        )
        try:
            self._ask(pid)
        except BaseException:
            self.close()
            raise

    async def follow(self, pid: Pid) -> bool:
        """Read the events after seq. Return False, or raise CallFailed, if the agent has no such stream.

        The reader is then closed.
        """
        self._begin(pid)
        found = False
        try:
            found = await agent.follow(pid, self.stream_id, self._box.pid, after=self.seq)
        finally:
            if not found:
                self.close()
        return found

    async def batches(self, pause_s: float, writer: Writer | None = None) -> AsyncGenerator[list[Event], None]:
        """Yield the events that arrived, or an empty list after pause_s. The last batch ends with a terminal event.

        Raises ReaderMoved if the terminal event comes at another node. writer: gets the events where they arrive, as
        long as it is writable. Those are not yielded.
        """
        gone = False
        while True:
            try:
                if writer is not None and not gone:
                    await self._push(writer, pause_s)
                messages = await self._box.receive_many(BATCH, self._patience_s() if gone else pause_s)
            except MailboxClosed:
                raise ReaderClosed from None
            except TimeoutError:
                if self._parked and (pid := find_agent(self._session)) is not None:
                    self._begin(pid)
                moves = self._moves or await agent_elsewhere(self._session) is not None if gone else await may_be_dead()
                if moves:
                    raise ReaderMoved from None
                yield [self._last_words()] if gone else []
                if gone:
                    return
                continue
            events = [message for message in messages if type(message) is not Down]
            if len(events) < len(messages):
                self._parked = any(type(each) is Down and each.reason == PARKED for each in messages)
                gone = not self._parked and (bool(self.seq or events) or not await self._passed_on(messages))
                self._moves = self._moves or any(type(each) is Down and each.reason == HANDED_OVER for each in messages)
            if events:
                self.seq = events[-1].seq
                yield events
                if isinstance(events[-1], TERMINAL):
                    return

    async def _push(self, writer: Writer, pause_s: float) -> None:
        """Give the writer the events until a message is not for it. Raises TimeoutError after pause_s without events.

        One timer covers all writes within pause_s.
        """
        wrote_s = now_s()

        def take(messages: list[Any]) -> int:
            nonlocal wrote_s
            if not writer.writable():
                return 0
            events = list(takewhile(_is_pushed, messages))
            if events:
                writer.write(events)
                self.seq, wrote_s = events[-1].seq, now_s()
            return len(events)

        while True:
            try:
                await self._box.push_to(take, BATCH, wrote_s + pause_s - now_s())
            except TimeoutError:
                if now_s() >= wrote_s + pause_s:
                    raise
            else:
                return

    def _patience_s(self) -> float:
        """Return the time to wait for a terminal event after the agent ended.

        A stream that began has a handler, which sends a terminal event. A stream that waited has none. A stand-in sends
        what it has before it ends.
        """
        return agent.LAST_WORDS_S if self.seq and not self._moves else 0.0

    async def _passed_on(self, messages: list[Any]) -> bool:
        """Ask the successor of an agent that ended before it read the message. Return whether there is one."""
        if self._ask is None or any(type(each) is Down and each.reason is not NORMAL for each in messages):
            return False
        pid = await successor(self._session)
        if pid is not None:
            self._begin(pid)
            self._ask(pid)  # a repeated request if the agent has passed the message on
        return pid is not None

    def _begin(self, pid: Pid) -> None:
        """Monitor the agent, or its stand-in."""
        self._box.monitor(pid)
        self._session, self._moves, self._parked = id_of(pid) or "", stands_in(pid), False

    def _last_words(self) -> Event:
        return StreamError(HandlerCrashed("its agent ended"), stream_id=self.stream_id, seq=self.seq + 1, at=unix_s())


def _is_pushed(message: Any) -> bool:
    return type(message) not in PULLED


Read: TypeAlias = Callable[[int, int], Awaitable[list[Event]]]
"""Read the events with a seq in (after, after + limit]. Some may be missing."""


class Replay:
    """A reader of a stream that has ended and is in the store. Its owner must close it.

    The events are read page by page. last_seq: of the stream. first: the first page, read before the answer begins,
    so that an error there still gets its own status.
    """

    def __init__(self, stream_id: str, after: int, last_seq: int, read: Read, first: list[Event]) -> None:
        self.stream_id, self.seq = stream_id, after
        self._last_seq, self._read, self._first = last_seq, read, first
        self._closed = False

    @classmethod
    async def of(cls, stream_id: str, after: int, last_seq: int, read: Read) -> Self:
        """Return a replay with its first page. Raises SessionError."""
        return cls(stream_id, after, last_seq, read, await read(after, BATCH))

    def close(self) -> None:
        """A caller of `batches` gets ReaderClosed."""
        self._closed = True

    async def batches(self, _pause_s: float, _writer: Writer | None = None) -> AsyncGenerator[list[Event], None]:
        """Yield the pages. The last page ends with a terminal event. Raises SessionError."""
        start = self.seq
        for place in range(start, self._last_seq, BATCH):
            events = self._first if place == start else await self._read(place, BATCH)
            if self._closed:
                raise ReaderClosed
            if events:
                self.seq = events[-1].seq
                yield events


AnyReader: TypeAlias = Reader | Replay
