"""A subscriber on this node that follows streams of an agent of another node.

Events wait here while the subscriber's mailbox is full, at most a window of them: only delivered events get credit.
"""

from collections import deque
from sys import maxsize
from typing import TypeAlias

from actors import Caller, Pid
from actors.kernel.process import DEAD
from actors.system.current import running_loop
from agents.cluster.errors import Garbage
from agents.cluster.event import EVENTS, Stored
from agents.cluster.link.credit import Taken
from agents.cluster.requests import AskStream, FollowStream, Opening, SubscribeTo
from agents.core.backlog import backlog, pieces_in
from agents.core.events import TERMINAL, Event
from agents.streams.other_loop import OtherLoopSubscriber, Receiver

Received: TypeAlias = tuple[Event | Stored | None, int]
"""An event of a link, and its bytes there."""


class RemoteFollower:
    """State: the place of a subscriber in its streams, and the events that it has no room for.

    opening: the request. caller: waits for the answer of a Follow. stream: that of the last event, or of the request.
    seq: that of the last event that came. over: whether the terminal event has come. skipped: the streams that the
    subscriber gets by other follows: a message may join a stream that it follows already. from_store: whether the rest
    of the stream is in the store.
    """

    def __init__(
        self, subscriber: Pid | None, opening: Opening, buffer_size: int | None, caller: Caller | None = None
    ) -> None:
        self.subscriber, self.opening, self.caller = subscriber, opening, caller
        self.stream = opening.stream
        self.seq = 0 if isinstance(opening, AskStream) else opening.after
        self.over = self.from_store = False
        self.skipped: set[str] = set()
        self._limit = maxsize if buffer_size is None else buffer_size
        self._receiver = _receiver(subscriber)
        self._held: deque[tuple[Event, int, int]] = deque()  # with the number of events on the link, and their bytes
        self._taken = Taken()

    @property
    def gone(self) -> bool:
        """Whether the subscriber has ended."""
        return self.subscriber is not None and (self._receiver is None or self._receiver.phase == DEAD)

    @property
    def done(self) -> bool:
        return self.gone or (self.over and not self._held)

    @property
    def waits(self) -> bool:
        """Whether events wait for room."""
        return bool(self._held)

    @property
    def subscribes(self) -> bool:
        """Whether it follows all streams."""
        return isinstance(self.opening, SubscribeTo)

    def accepted(self, *, found: bool) -> None:
        """Answer the caller of a Follow."""
        if self.caller is not None:
            self.caller.reply(found)
            self.caller = None

    def again(self) -> Opening:
        """Return the request that continues the follow on another link."""
        if isinstance(self.opening, SubscribeTo):
            return SubscribeTo(self.stream, self.seq)
        if isinstance(self.opening, FollowStream) or self.seq:
            return FollowStream(self.stream or "", self.seq)
        return self.opening

    def skips(self, event: Event) -> bool:
        """Return whether the subscriber gets this event by another follow."""
        if event.stream_id not in self.skipped:
            return False
        if isinstance(event, TERMINAL):
            self.skipped.remove(event.stream_id)
            self.over = not self.subscribes
        return True

    def came(self, event: Event, size: int) -> None:
        """Take an event. size: its bytes on the link; 0: it needs no credit."""
        ends = isinstance(event, TERMINAL)
        if self.subscribes:
            self.stream, self.seq = (None, 0) if ends else (event.stream_id, event.seq)
        else:
            self.stream, self.seq, self.over = event.stream_id, event.seq, ends
        self._held.append((event, 1 if size else 0, size))

    def deliver(self, sender: Pid) -> int:
        """Put events into the mailbox while it has room. Return the number of events to give credit for."""
        receiver, credit, room = self._receiver, 0, self._room()
        if 0 < room < len(self._held):
            self._join()
        while self._held and room > 0:
            event, events, size = self._held.popleft()
            if receiver is not None:
                receiver.deliver(event, sender)
            credit += self._taken.add(size, events)
            room -= 1
        return credit

    def deliver_all(self, sender: Pid) -> None:
        """Put all events into the mailbox: the stand-in ends."""
        if self._receiver is not None:
            for event, _, _ in self._held:
                self._receiver.deliver(event, sender)
        self._held.clear()

    def lost_link(self) -> None:
        """Forget the credit of a link that ended."""
        self._taken = Taken()
        self._held = deque((event, 0, 0) for event, _, _ in self._held)

    def _join(self) -> None:
        """Join the pieces of texts that wait."""
        waiting, joined = iter(self._held), deque[tuple[Event, int, int]]()
        for event in backlog([event for event, _, _ in self._held]):
            pieces, events, size = pieces_in(event), 0, 0
            while pieces > 0:
                piece, its_events, its_size = next(waiting)
                pieces, events, size = pieces - pieces_in(piece), events + its_events, size + its_size
            joined.append((event, events, size))
        self._held = joined

    def _room(self) -> int:
        """Return the number of events for which the mailbox has room: 0 until half of its limit has been read."""
        receiver = self._receiver
        if receiver is None:
            return maxsize
        limit = self._limit if receiver.bound is None else min(self._limit, receiver.bound.max_length)
        waiting = len(receiver.mailbox)
        return limit - waiting if waiting <= limit // 2 or len(self._held) <= limit - waiting else 0


def read(received: bytes) -> Event | Stored | None:
    """Return an event of a link, or None for one that this version does not know."""
    try:
        return EVENTS.unpacked(received)
    except Garbage:
        return None


def _receiver(subscriber: Pid | None) -> Receiver | None:
    process = None if subscriber is None else subscriber.process
    if process is None or process.system.loop is running_loop():
        return process
    return OtherLoopSubscriber(process)
