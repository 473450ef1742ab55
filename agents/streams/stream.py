"""A stream, as its agent and its handler both see it: its events, who subscribes, and the last value of its turn.

It outlives the handler, as an ETS table outlives the process that writes it: when the handler falls, the agent takes
the turn from here and ends it with the right seq and all that had arrived.

A subscriber whose mailbox is full gets nothing more for now. The stream keeps its place in the log, which costs a
number and delays nobody; when it has read half of what it had, it gets what it missed, the pieces of a text as one.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Iterable
from sys import maxsize
from typing import Final, TypeAlias

from actors import Pid
from actors.kernel.process import DEAD, Process
from actors.system.current import running_loop
from agents.core.backlog import backlog, pieces_in
from agents.core.effects import Steered
from agents.core.errors import Fault
from agents.core.events import TERMINAL, Event, StreamComplete, StreamError
from agents.core.step import step
from agents.core.turn import Turn, fail
from agents.streams.other_loop import OtherLoopSubscriber
from agents.tools.executor import Calls

Taker: TypeAlias = Process | OtherLoopSubscriber

CHECK_S: Final = 0.1  # how often those who are behind are looked at when no event comes
MISSED: Final = 8192  # events that one who is behind is sent at once: they are joined on the loop
LINGER_S: Final = 30.0  # how long after its end a stream waits for room in a bounded mailbox


class Stream:
    """id: the stream's. agent: who sends its events. turn: stored by the handler before it publishes its events.
    calls: of the turn, while its handler runs, to be approved or denied. steered_by: stream ids of the messages that
    joined the turn, by which their senders may ask for it.

    buffer_size: unread messages in a subscriber's mailbox from which on it is behind. None: it never is, every event is
    sent at once, as by `send`.
    """

    __slots__ = (
        "_behind",
        "_log",
        "_other_loops",
        "_subscribers",
        "_timer",
        "_waited_s",
        "agent",
        "buffer_size",
        "calls",
        "id",
        "steered_by",
        "turn",
    )

    def __init__(
        self, id_: str, agent: Pid | None = None, subscribers: Iterable[Pid] = (), *, buffer_size: int | None = None
    ) -> None:
        self.id = id_
        self.agent = agent
        self.buffer_size = buffer_size
        self.turn: Turn | None = None
        self.calls: Calls | None = None
        self.steered_by: tuple[str, ...] = ()
        self._log: list[Event] = []
        self._subscribers: tuple[tuple[Taker, int], ...] = ()  # who have all of the log; what their mailbox may hold
        self._behind: dict[Pid, int] = {}  # the others, with how much of the log they have
        self._other_loops: dict[Pid, OtherLoopSubscriber] = {}  # subscribers of other loops
        self._timer: asyncio.TimerHandle | None = None
        self._waited_s = 0.0
        for subscriber in subscribers:
            self.subscribe(subscriber)

    @property
    def outcome(self) -> StreamComplete | StreamError | None:
        """The terminal event, when it has been published."""
        last = self._log[-1] if self._log else None
        return last if isinstance(last, TERMINAL) else None

    @property
    def seq(self) -> int:
        """Of the last event; 0: there is none yet."""
        return self._log[-1].seq if self._log else 0

    @property
    def events(self) -> tuple[Event, ...]:
        return tuple(self._log)

    def answers(self, stream_id: str) -> bool:
        """It is the stream of the message with this stream id."""
        return stream_id == self.id or stream_id in self.steered_by

    def subscribe(self, subscriber: Pid) -> None:
        """Send it the events from the next one on. One that has a place in this stream keeps it."""
        taker = self._taker(subscriber)
        if taker is not None and subscriber not in self._behind:
            self._subscribers = (*self._without(subscriber), (taker, self._limit(taker)))

    def follow(self, subscriber: Pid, after: int) -> None:
        """Send it the events with a seq above after: those that were, then those that come. One that has them or is
        about to get them keeps its place."""
        has_all = self.outcome is None and any(process.pid == subscriber for process, _ in self._subscribers)
        if not has_all and subscriber not in self._behind:
            self._behind[subscriber] = bisect_right(self._log, after, key=_seq)
            self._waited_s = 0.0
            self._catch_up()

    def unsubscribe(self, subscriber: Pid) -> None:
        self._subscribers = self._without(subscriber)
        self._behind.pop(subscriber, None)

    def publish(self, event: Event) -> None:
        """Put the event into every subscriber's mailbox that has room. One that has died is left out from now on."""
        self._log.append(event)
        agent = self.agent
        for process, limit in self._subscribers:
            if len(process.mailbox) < limit and process.phase != DEAD:
                process.deliver(event, agent)
            else:
                self._fall_behind(process.pid)
        if self._behind:
            self._catch_up()

    def checkpoint(self) -> None:
        """The turn has come to a point from which it could go on after a crash. Kept streams write it down."""

    async def durable(self) -> Fault | None:
        """Return when all that was published is as durable as it is to be; with a fault if it can't be."""
        return None

    @property
    def steering(self) -> int:
        """How many messages wait for the turn's next model call."""
        return 0 if self.turn is None else len(self.turn.past.steered)

    def steer(self, message: str, now_s: float) -> bool:
        """Let the message join the turn's next model call; False if the turn is over, or has not begun."""
        if self.turn is None or self.turn.outcome is not None:
            return False
        self.turn, _ = step(self.turn, Steered(message), now_s)
        return True

    def fail(self, fault: Fault, now_s: float) -> None:
        """End the stream with stream_error, unless it has ended. now_s: as in turn.step."""
        if self.turn is None:
            self.publish(StreamError(fault, stream_id=self.id, seq=1))
        elif self.turn.outcome is None:
            self.turn, _ = fail(self.turn, fault, now_s)
            assert self.turn.outcome is not None
            self.publish(self.turn.outcome)

    def _taker(self, subscriber: Pid) -> Taker | None:
        """What takes the subscriber's events; None if it has ended."""
        process = subscriber.process
        if process is None or process.system.loop is running_loop():
            return process
        if subscriber not in self._other_loops:
            self._other_loops[subscriber] = OtherLoopSubscriber(process)
        other = self._other_loops[subscriber]
        return other if other.phase != DEAD else None

    # Those who are behind

    def _fall_behind(self, subscriber: Pid) -> None:
        """It lacks the last event."""
        self._subscribers = self._without(subscriber)
        self._behind[subscriber] = len(self._log) - 1

    def _without(self, subscriber: Pid) -> tuple[tuple[Taker, int], ...]:
        return tuple(each for each in self._subscribers if each[0].pid != subscriber)

    def _catch_up(self) -> None:
        """Send those who are behind what they missed, as far as there is room. The dead are dropped."""
        pause_s = CHECK_S
        for subscriber, place in list(self._behind.items()):
            taker = self._taker(subscriber)
            if taker is not None:
                before, place = place, self._send_missed(taker, place)
                if place == before + MISSED:  # there may be room for more
                    pause_s = 0.0
            if taker is None or place == len(self._log):
                del self._behind[subscriber]
                self.subscribe(subscriber)  # which leaves the dead out
            else:
                self._behind[subscriber] = place
        if self._behind and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(pause_s, self._check, pause_s)

    def _send_missed(self, taker: Taker, place: int) -> int:
        """The place in the log after what was sent, which is at most MISSED events further."""
        room = self._room(taker)
        if not room:
            return place
        for event in backlog(self._log[place : place + MISSED]):
            taker.deliver(event, self.agent)
            place += pieces_in(event)
            room -= 1
            if not room:
                break
        return place

    def _room(self, taker: Taker) -> int:
        """How many events the mailbox may take: none before half of it was read.

        At the end it takes what is left, for that is not much once it is joined; but a bound of its own stays a bound.
        """
        if taker.bound is None and self.outcome is not None:
            return maxsize
        limit, waiting = self._limit(taker), len(taker.mailbox)
        return limit - waiting if waiting <= limit // 2 else 0

    def _limit(self, taker: Taker) -> int:
        if self.buffer_size is None:
            return maxsize
        return self.buffer_size if taker.bound is None else min(self.buffer_size, taker.bound.max_length)

    def _check(self, waited_s: float) -> None:
        """The model may pause, or the stream have ended, while someone is behind."""
        self._timer = None
        self._catch_up()
        if self.outcome is not None:
            self._waited_s += waited_s
            if self._waited_s >= LINGER_S:
                self._give_up()

    def _give_up(self) -> None:
        """The end goes to those who had no room for it all this time; their mailbox's own policy does the rest."""
        for subscriber in self._behind:
            if (taker := self._taker(subscriber)) is not None:
                taker.deliver(self._log[-1], self.agent)
        self._behind.clear()


def _seq(event: Event) -> int:
    return event.seq
