"""A stream, shared by its agent and its handler: its events, its subscribers, and the last value of its turn.

A stream outlives its handler, as an ETS table outlives the process that writes to it. When the handler crashes, the
agent reads the turn from the stream, and ends it with the right seq and the text that had arrived.

A subscriber with a full mailbox gets nothing for a while. The stream keeps only the subscriber's place, which is
the seq of its last event. When the subscriber has read half of its mailbox, it gets the missed events, with the pieces
of a text joined.
"""

import asyncio
from collections.abc import Iterable
from itertools import islice
from sys import maxsize
from typing import Final

from actors import Pid
from actors.clock import unix_s
from actors.kernel.process import DEAD
from agents.budgets.account import NO_ACCOUNT
from agents.core.backlog import backlog
from agents.core.effects import Steered
from agents.core.errors import Fault
from agents.core.events import TERMINAL, Event, StreamComplete, StreamError
from agents.core.parts import Content
from agents.core.step import step
from agents.core.turn import Turn, fail
from agents.core.turn_state import TurnState, state_of
from agents.streams.event_log import EventLog
from agents.streams.other_loop import Receiver, Receivers
from agents.tools.executor import TurnCalls
from agents.tools.turn_waits import TurnWaits
from agents.traces.span import TurnTrace

CHECK_S: Final = 0.1  # pause between two looks at slow subscribers when no event comes
MISSED: Final = 8192  # events that one slow subscriber is sent at once: joining them takes time on the loop
LINGER_S: Final = 30.0  # how long after its end a stream waits for room in a bounded mailbox


class Stream:
    """The events of one turn, and their subscribers.

    agent: the sender of the events. turn: set by the handler before it publishes the turn's events. calls: the turn's
    calls while its handler runs, to approve or deny. waits: its waits for people. trace: its span. account: pays the
    model calls. steered_by: stream
    ids of messages that joined the turn; their senders may use these ids for this stream.
    buffer_size: unread messages in a subscriber's mailbox that make it slow. None: every event is sent at once.
    """

    __slots__ = (
        "_charged", "_log", "_receivers", "_slow", "_subscribers", "_timer", "_waited_s", "account", "agent",
        "buffer_size", "calls", "id", "steered_by", "trace", "turn", "waits",
    )  # fmt: skip

    def __init__(
        self, id_: str, agent: Pid | None = None, subscribers: Iterable[Pid] = (), *, buffer_size: int | None = None
    ) -> None:
        self.id, self.agent, self.buffer_size = id_, agent, buffer_size
        self.turn: Turn | None = None
        self.calls: TurnCalls | None = None
        self.waits = TurnWaits()
        self.trace, self.account, self._charged = TurnTrace(), NO_ACCOUNT, 0
        self.steered_by: tuple[str, ...] = ()
        self._log, self._waited_s = EventLog(), 0.0
        self._subscribers: tuple[tuple[Receiver, int], ...] = ()  # with the whole log; the limit of their mailbox
        self._slow: dict[Pid, int] = {}  # slow subscribers, each with its place
        self._receivers = Receivers()
        self._timer: asyncio.TimerHandle | None = None
        for subscriber in subscribers:
            self.subscribe(subscriber)

    @property
    def outcome(self) -> StreamComplete | StreamError | None:
        """The terminal event, once it has been published."""
        last = self._log.last
        return last if isinstance(last, TERMINAL) else None

    @property
    def seq(self) -> int:
        """The seq of the last event; 0 before the first event."""
        return self._log.seq

    @property
    def events(self) -> tuple[Event, ...]:
        """The events as they were published."""
        return tuple(self._log)

    @property
    def joined_events(self) -> list[Event]:
        """The events, with long texts joined. These are few, also for a long stream."""
        return self._log.joined()

    @property
    def state(self) -> TurnState:
        """The state of the turn, as its published events show it."""
        return state_of(self._log.joined())

    @property
    def followed(self) -> bool:
        """Whether a running process gets the events."""
        return any(process.phase != DEAD for process, _ in self._subscribers) or any(pid.alive for pid in self._slow)

    @property
    def places(self) -> dict[Pid, int]:
        """The subscribers, each with the seq of its last event."""
        return {receiver.pid: self.seq for receiver, _ in self._subscribers} | self._slow

    @property
    def all_published(self) -> bool:
        """Whether subscribers get all events so far. An event of a kept stream may wait for the disk."""
        return True

    def answers(self, stream_id: str) -> bool:
        """Return whether this stream answers the message with this stream id."""
        return stream_id == self.id or stream_id in self.steered_by

    def subscribe(self, subscriber: Pid) -> None:
        """Send the subscriber the events from the next one on. A subscriber that has a place in the stream keeps it."""
        receiver = self._receivers.of(subscriber)
        if receiver is not None and subscriber not in self._slow:
            self._subscribers = (*self._without(subscriber), (receiver, self._limit(receiver)))

    def follow(self, subscriber: Pid, after: int) -> None:
        """Send the subscriber the events with a seq above after: first the earlier events, then the new ones.

        A subscriber that has these events, or is about to get them, keeps its place.
        """
        has_all = self.outcome is None and any(process.pid == subscriber for process, _ in self._subscribers)
        if not has_all and subscriber not in self._slow:
            self._slow[subscriber] = after
            self._waited_s = 0.0
            self._catch_up()

    def unsubscribe(self, subscriber: Pid) -> None:
        self._subscribers = self._without(subscriber)
        self._slow.pop(subscriber, None)

    def publish(self, event: Event) -> None:
        """Put the event into every subscriber's mailbox that has room. A subscriber that has ended is removed."""
        self._log.append(event)
        agent = self.agent
        for process, limit in self._subscribers:
            if len(process.mailbox) < limit and process.phase != DEAD:
                process.deliver(event, agent)
            else:
                self._mark_slow(process.pid)
        if self._slow:
            self._catch_up()

    def charge(self) -> bool:
        """Record the new charges of the turn, and return whether it has any. A record of the same step joins them."""
        if self.turn is None or len(charges := self.turn.past.charges) == self._charged:
            return False
        self.account.charge(self.id, charges[self._charged :])
        self._charged = len(charges)
        return True

    def checkpoint(self) -> None:
        """Mark a point from which the turn could resume after a crash. A kept stream writes a checkpoint."""

    async def durable(self, *, before_a_call: bool = False) -> Fault | None:
        """Wait until all published events are as durable as the settings ask for. Return a fault if the store fails."""
        return None

    @property
    def steering(self) -> int:
        """The number of messages that wait for the turn's next model call."""
        return 0 if self.turn is None else len(self.turn.past.steered)

    def steer(self, message: Content, now_s: float) -> bool:
        """Add the message to the turn's next model call. Return False if the turn has ended or has not begun."""
        if self.turn is None or self.turn.outcome is not None:
            return False
        self.turn, _ = step(self.turn, Steered(message), now_s)
        return True

    def fail(self, fault: Fault, now_s: float) -> None:
        """End the stream with stream_error, unless it has ended. now_s: as in turn.step."""
        if self.turn is None:
            self.publish(StreamError(fault, stream_id=self.id, seq=1, at=unix_s()))
        elif self.turn.outcome is None:
            self.turn, _ = fail(self.turn, fault, now_s)
            assert self.turn.outcome is not None
            self.charge()
            self.publish(self.turn.outcome)

    def _mark_slow(self, subscriber: Pid) -> None:
        """Mark a subscriber as slow: it lacks the last event."""
        self._subscribers = self._without(subscriber)
        self._slow[subscriber] = self._log.seq - 1

    def _without(self, subscriber: Pid) -> tuple[tuple[Receiver, int], ...]:
        return tuple(each for each in self._subscribers if each[0].pid != subscriber)

    def _catch_up(self) -> None:
        """Send slow subscribers the missed events, as far as their mailboxes have room. Remove ended subscribers."""
        pause_s = CHECK_S
        for subscriber, place in list(self._slow.items()):
            receiver = self._receivers.of(subscriber)
            if receiver is not None:
                place, has_room = self._send_missed(receiver, place)
                if has_room:
                    pause_s = 0.0
            if receiver is None or place >= self._log.seq:
                del self._slow[subscriber]
                self.subscribe(subscriber)  # which removes it if it has ended
            else:
                self._slow[subscriber] = place
        if self._slow and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(pause_s, self._check, pause_s)

    def _send_missed(self, receiver: Receiver, place: int) -> tuple[int, bool]:
        """Send missed events, at most MISSED of them. Return the new place, and whether there may be room for more."""
        if not (room := self._room(receiver)):
            return place, False
        missed = [*islice(backlog(self._log.after(place, MISSED)), room)]
        for event in missed:
            receiver.deliver(event, self.agent)
        return (missed[-1].seq if missed else place), len(missed) < room

    def _room(self, receiver: Receiver) -> int:
        """Return the number of events for which the mailbox has room: 0 until half of its limit has been read.

        At the stream's end an unbounded mailbox gets all remaining events: joined, these are few.
        """
        if receiver.bound is None and self.outcome is not None:
            return maxsize
        limit, waiting = self._limit(receiver), len(receiver.mailbox)
        return limit - waiting if waiting <= limit // 2 else 0

    def _limit(self, receiver: Receiver) -> int:
        if self.buffer_size is None:
            return maxsize
        return self.buffer_size if receiver.bound is None else min(self.buffer_size, receiver.bound.max_length)

    def _check(self, waited_s: float) -> None:
        """Look at slow subscribers while no event comes: the model pauses, or the stream has ended."""
        self._timer = None
        self._catch_up()
        if (outcome := self.outcome) is not None:
            self._waited_s += waited_s
            if self._waited_s >= LINGER_S:
                self._force(outcome)

    def _force(self, outcome: Event) -> None:
        """Send the terminal event to mailboxes that had no room until now. Their own policy decides about it."""
        for subscriber in self._slow:
            if (receiver := self._receivers.of(subscriber)) is not None:
                receiver.deliver(outcome, self.agent)
        self._slow.clear()
