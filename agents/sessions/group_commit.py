"""Group commit: what all recorders took down, written in one transaction after the other.

A flush begins at the latest batch_s after the first record that waits, or when batch_events wait, or at once for what
is urgent. One is on its way at a time; what comes meanwhile goes with the next, so that batches grow with the load.

A flush that fails is kept, in its order, and tried again after RETRY_S, or sooner for what is urgent. What the store
refuses is tried session by session: the sessions that it concerns lose their recorders, the others nothing.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct

from agents.sessions.errors import Fenced, Refused, StoreFailed
from agents.sessions.recorder import Recorder
from agents.sessions.records import SessionBegun
from agents.sessions.taken import Taken, Waiter, settle

if TYPE_CHECKING:
    from agents.sessions.store import Store

RETRY_S: Final = 1.0

Outcome: TypeAlias = tuple[Taken, StoreFailed | None]


class Behind(Struct, frozen=True):
    """How far the disk is behind what was recorded. events: not on it. oldest_s: how long the oldest record waits."""

    events: int
    oldest_s: float


class GroupCommit:
    """call: lets the journal begin a flush. batch_events, count: of events that wait; read by recorders."""

    def __init__(self, store: "Store", batch_s: float, batch_events: int, call: Callable[[], None]) -> None:
        self.store = store
        self.batch_events = batch_events
        self.count = 0
        self.due = False
        self._batch_s = batch_s
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._open: set[Recorder] = set()
        self._waiting: dict[Recorder, None] = {}
        self._sessions: list[SessionBegun] = []
        self._waiters: list[Waiter] = []
        self._on_its_way: Taken | None = None
        self._waits_since_s: float | None = None  # the oldest of what waits, and of what is on its way
        self._left_since_s: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._failing = False
        self._closed: StoreFailed | None = None

    # For those who record

    def add(self, recorder: Recorder) -> None:
        if self._closed is not None:
            recorder.close(self._closed)
        self._open.add(recorder)

    def begin_session(self, session: SessionBegun) -> None:
        if self._closed is None:
            self._sessions.append(session)
            self._soon()

    def join(self, recorder: Recorder) -> None:
        """It has something that waits."""
        if recorder not in self._waiting and recorder.closed is None:
            self._waiting[recorder] = None
            self._soon()

    def hurry(self, urgent: bool = True) -> None:
        """A flush is due now. While writes fail, only what is urgent makes one due before its time."""
        if not self.due and (urgent or not self._failing):
            self.due = True
            if self._on_its_way is None:
                self._call()

    async def written(self, recorder: Recorder | None = None) -> None:
        """Of this recorder, or of all, everything that was recorded is on disk. Raises StoreFailed."""
        if self._closed is not None:
            raise self._closed
        waiters = self._waiters_of(recorder)
        if waiters is not None:
            waiter = self._loop.create_future()
            waiters.append(waiter)
            self.hurry()
            await waiter

    def _waiters_of(self, recorder: Recorder | None) -> list[Waiter] | None:
        """None: nothing waits."""
        flight = self._on_its_way
        if recorder is None:
            waits = self._waiting or self._sessions
            return self._waiters if waits else flight.waiters if flight is not None else None
        if recorder in self._waiting:
            return recorder.waiters
        streams = flight.streams if flight is not None else []
        return next((each.waiters for each in streams if each.recorder is recorder), None)

    def _soon(self) -> None:
        if self._waits_since_s is None:
            self._waits_since_s = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(RETRY_S if self._failing else self._batch_s, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = None
        self.hurry()

    # For the journal

    @property
    def idle(self) -> bool:
        """Nothing waits."""
        return not (self._waiting or self._sessions)

    @property
    def behind(self) -> Behind:
        flight = self._on_its_way
        leaving = 0 if flight is None else sum(len(records.events) for records in flight.streams)
        since_s = self._waits_since_s if self._left_since_s is None else self._left_since_s
        return Behind(self.count + leaving, 0.0 if since_s is None else self._loop.time() - since_s)

    def take(self) -> Taken:
        """All that waits. `flush` it, then tell `done`."""
        self.due, self.count = False, 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        taken = Taken(self._sessions, [recorder.take() for recorder in self._waiting], self._waiters)
        self._sessions, self._waiting, self._waiters = [], {}, []
        self._on_its_way = taken
        self._left_since_s, self._waits_since_s = self._waits_since_s, None
        return taken

    async def flush(self, taken: Taken) -> list[Outcome]:
        """Write it: what of it is on disk, and what is not. Raises Fenced."""
        try:
            await self.store.write(taken.batch())
        except Fenced:
            raise
        except Refused as refused:
            ids = taken.session_ids
            if len(ids) == 1:
                return [(taken, refused)]
            return [outcome for id_ in ids for outcome in await self.flush(taken.of(id_))]
        except StoreFailed as failed:
            return [(taken, failed)]
        return [(taken, None)]

    def done(self, outcomes: Iterable[Outcome]) -> None:
        """Tell those whom it concerns."""
        whole, self._on_its_way = self._on_its_way, None
        failures = [failure for _, failure in outcomes if failure is not None]
        self._failing = any(not isinstance(failure, Refused) for failure in failures)
        for taken, failure in outcomes:
            match failure:
                case None:
                    self._on_disk(taken)
                case Refused():
                    self._refused(taken, failure)
                case _:
                    self._keep(taken, failure)
        self._left_since_s = None
        if whole is not None:
            settle(whole.waiters, failures[0] if failures else None)
        self.due = not self._failing and (self.due or self.count >= self.batch_events)
        if self.due:
            self._call()

    def close(self, failure: StoreFailed) -> None:
        """Nothing more is written: those who record are told, and from now on their records are dropped."""
        self._closed = failure
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        whole, self._on_its_way = self._on_its_way, None
        if whole is not None:
            settle(whole.waiters, failure)
            for records in whole.streams:
                records.settle(failure)
        settle(self._waiters, failure)
        for recorder in list(self._open):
            self._lose(recorder, failure)
        self._sessions, self._waiting, self._waiters = [], {}, []

    def _on_disk(self, taken: Taken) -> None:
        for records in taken.streams:
            records.settle(None)
            if records.ended is not None:
                self._open.discard(records.recorder)
            if records.events:
                records.recorder.on_durable(records.events[-1].seq)

    def _refused(self, taken: Taken, failure: Refused) -> None:
        for records in taken.streams:
            records.settle(failure)
            self._waiting.pop(records.recorder, None)
            self._lose(records.recorder, failure)

    def _keep(self, taken: Taken, failure: StoreFailed) -> None:
        self._sessions = taken.sessions + self._sessions
        for records in taken.streams:
            records.settle(failure)
            records.recorder.take_back(records)
            self.count += len(records.events)
        kept: dict[Recorder, None] = dict.fromkeys(records.recorder for records in taken.streams)
        self._waiting = kept | self._waiting
        self._waits_since_s = self._left_since_s
        self._soon()
        for recorder in kept:
            recorder.on_failure(failure)

    def _lose(self, recorder: Recorder, failure: StoreFailed) -> None:
        self._open.discard(recorder)
        recorder.close(failure)
        recorder.on_failure(failure)
