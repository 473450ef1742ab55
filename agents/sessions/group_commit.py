"""Group commit: the records of all recorders, written in one transaction after the other.

A flush begins batch_s after the first waiting record, or when batch_events wait. An urgent record starts it at once.
One flush runs at a time. Records that arrive meanwhile go with the next one, so batches grow with the load.

A failed flush is retried during the store's grace (patience.py), and no recorder gets the failure. After the grace its
records are kept, in order, and tried again after RETRY_S, or sooner for an urgent record. A write whose outcome is
unknown is repeated unchanged, before any other write: the store can then recognise that it was committed. If the store
refuses a session's records, only that session loses its recorders.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from actors.log import get_logger
from agents.sessions.errors import Fenced, Refused, StoreFailed
from agents.sessions.flush import Outcome, flush
from agents.sessions.last_words import LastWords, leave, settled
from agents.sessions.patience import Patience
from agents.sessions.pending import Pending, Records, Waiter, settle
from agents.sessions.recorder import Recorder
from agents.sessions.records import SessionBegun

if TYPE_CHECKING:
    from agents.sessions.store import Store

RETRY_S: Final = 1.0
MOST_WAITING: Final = 2000
"""Events of one stream that may wait for the store. Above this number the stream's turn ends, even during the grace."""

log = get_logger("understudy.sessions")


class Behind(Struct, frozen=True):
    """The distance between the disk and what was recorded.

    events: the number not on disk. oldest_s: how long the oldest record has waited.
    """

    events: int
    oldest_s: float


class GroupCommit:
    """The records that wait for the disk, and the recorders that add them.

    call: asks the journal to begin a flush. batch_events, count: of events that wait. Recorders read both.
    """

    def __init__(
        self, store: "Store", grace_s: float, batch_s: float, batch_events: int, call: Callable[[], None]
    ) -> None:
        self.store = store
        self.patience = Patience(grace_s)
        self.batch_events = batch_events
        self.count = 0
        self.due = False
        self._batch_s = batch_s
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._open: set[Recorder] = set()
        self._waiting: dict[Recorder, None] = {}
        self._sessions: list[SessionBegun] = []
        self._waiters: list[tuple[str | None, Waiter]] = []
        self._in_flight: Pending | None = None
        self._unsure: Pending | None = None  # a failed write whose outcome is unknown, also while it is in flight
        self._waits_since_s: float | None = None  # arrival of the oldest waiting record
        self._left_since_s: float | None = None  # the same for the flush that runs, and for the unsure write
        self._timer: asyncio.TimerHandle | None = None
        self.closed: StoreFailed | None = None

    # For recorders

    def add(self, recorder: Recorder) -> None:
        if self.closed is not None:
            recorder.close(self.closed)
        self._open.add(recorder)

    def begin_session(self, session: SessionBegun) -> None:
        if self.closed is None:
            self._sessions.append(session)
            self._soon()

    def join(self, recorder: Recorder) -> None:
        """Add a recorder that has records to write."""
        if recorder not in self._waiting and recorder.closed is None:
            self._waiting[recorder] = None
            self._soon()

    def hurry(self, urgent: bool = True) -> None:
        """Make a flush due now. While writes fail, only an urgent record can shorten the pause."""
        if not self.due and (urgent or self.patience.failure is None):
            self.due = True
            if self._in_flight is None:
                self._call()

    def say_last(self, words: LastWords) -> None:
        """Record the published end of a stream whose recorder is closed.

        A fenced journal drops it, since the store's new writer decides.
        """
        if isinstance(self.closed, Fenced):
            return
        store = str(self.store)
        leave(store, words)
        if self.closed is not None:
            return

        def failed(failure: StoreFailed) -> None:
            if isinstance(failure, Refused):  # also Fenced
                settled(store, words)
                if words != words.bare():
                    self.say_last(words.bare())

        ended = words.ended
        recorder = Recorder(
            self, ended.session_id, ended.id, words.event.seq - 1, lambda _: settled(store, words), failed
        )
        self.add(recorder)
        recorder.last_words(words)

    async def written(self, session_id: str | None = None) -> None:
        """Wait until everything recorded of all sessions, or of this one, is on disk. Raises StoreFailed."""
        waiter = self._loop.create_future()
        if self._waiting or self._sessions:
            self._waiters.append((session_id, waiter))
        elif (leaving := self._leaving) is not None:
            leaving.waiters.append((session_id, waiter))
        else:
            waiter.set_result(None)
        await self._until(waiter)

    async def stream_written(self, recorder: Recorder) -> None:
        """Wait until everything recorded of this stream is on disk. Raises StoreFailed."""
        waiter = self._loop.create_future()
        if recorder in self._waiting:
            recorder.waiters.append(waiter)
        elif (records := self._records(recorder)) is not None:
            records.waiters.append(waiter)
        else:
            waiter.set_result(None)
        await self._until(waiter)

    def unsure(self, recorder: Recorder) -> Records:
        """Return the recorder's records in the write whose outcome is unknown."""
        records = self._records(recorder)
        assert records is not None, "expected a stream with records in the write that failed"
        return records

    @property
    def _leaving(self) -> Pending | None:
        """Return the records that left their recorders and are not on disk."""
        return self._unsure if self._in_flight is None else self._in_flight

    def _records(self, recorder: Recorder) -> Records | None:
        streams = [] if self._leaving is None else self._leaving.streams
        return next((each for each in streams if each.recorder is recorder), None)

    async def _until(self, waiter: Waiter) -> None:
        if self.closed is not None:
            raise self.closed
        if not waiter.done():
            self.hurry()
        await waiter

    def _soon(self) -> None:
        if self._waits_since_s is None:
            self._waits_since_s = self._loop.time()
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is None:
            pause_s = self._batch_s if self.patience.failure is None else RETRY_S
            self._timer = self._loop.call_later(pause_s, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = None
        self.hurry()

    # For the journal

    @property
    def idle(self) -> bool:
        """Return True if no record waits."""
        return not (self._waiting or self._sessions or self._unsure)

    @property
    def behind(self) -> Behind:
        leaving = 0 if self._leaving is None else sum(len(records.events) for records in self._leaving.streams)
        since_s = self._waits_since_s if self._left_since_s is None else self._left_since_s
        return Behind(self.count + leaving, 0.0 if since_s is None else self._loop.time() - since_s)

    def take(self) -> Pending:
        """Return the unsure write if there is one, else all records that wait.

        The caller passes them to `flush`, and the outcomes to `done`.
        """
        self.due = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._unsure is not None:
            self._in_flight = self._unsure
            return self._unsure
        self.count = 0
        pending = Pending(self._sessions, [recorder.take() for recorder in self._waiting], self._waiters)
        self._sessions, self._waiting, self._waiters = [], {}, []
        self._in_flight = pending
        self._left_since_s, self._waits_since_s = self._waits_since_s, None
        return pending

    async def flush(self, pending: Pending) -> list[Outcome]:
        """Write the records. Raises Fenced."""
        return await flush(pending, self.store, self.patience, self._end_the_longest)

    def _end_the_longest(self, failure: StoreFailed) -> None:
        """Fail the streams with too many waiting events, since memory is limited even during the grace."""
        for recorder in list(self._waiting):
            if recorder.waiting > MOST_WAITING:
                recorder.on_failure(failure)

    def done(self, outcomes: Sequence[Outcome]) -> None:
        """Report the outcomes to the recorders and waiters."""
        whole, self._in_flight = self._in_flight, None
        repeated, self._unsure = self._unsure is not None, None
        for pending, failure in outcomes:
            match failure:
                case None:
                    self._on_disk(pending)
                case Refused():
                    self._refused(pending, failure)
                case _:
                    self._keep(pending, failure)
        if self._unsure is None:
            self._left_since_s = None
        if whole is not None:
            _settle_by_session(whole, outcomes)
        failed = self.patience.failure
        if repeated and failed is not None:
            self._fail_waiting(failed)
        self.due = failed is None and (self.due or self.count >= self.batch_events or (repeated and self._wanted))
        if self.due:
            self._call()

    def close(self, failure: StoreFailed) -> None:
        """Stop writing. Every recorder and waiter gets the failure, and later records are dropped."""
        self.closed = failure
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        whole, self._in_flight, self._unsure = self._leaving, None, None
        if whole is not None:
            for records in whole.streams:
                records.settle(failure)
        for _, waiter in (*self._waiters, *(whole.waiters if whole is not None else ())):
            settle([waiter], failure)
        for recorder in list(self._open):
            self.lose(recorder, failure)
        self._sessions, self._waiting, self._waiters = [], {}, []

    def _on_disk(self, pending: Pending) -> None:
        for records in pending.streams:
            records.settle(None)
            if records.ended is not None:
                self._open.discard(records.recorder)
            if records.events:
                records.recorder.on_durable(records.events[-1].seq)

    def _refused(self, pending: Pending, failure: Refused) -> None:
        log.warning("records_refused", sessions=pending.session_ids, reason=str(failure))
        for records in pending.streams:
            records.settle(failure)
            self.lose(records.recorder, failure)

    def _keep(self, pending: Pending, failure: StoreFailed) -> None:
        """Keep records that were not written. At most one part of a flush was tried, so only that one is unsure."""
        for records in pending.streams:
            records.settle(failure)
        if pending.tried:
            self._unsure = pending
        else:
            self._take_back(pending)
        self._set_timer()
        for records in pending.streams:
            records.recorder.on_failure(failure)

    def _take_back(self, pending: Pending) -> None:
        """Return the records to their recorders, since the store did not get them."""
        self._sessions = pending.sessions + self._sessions
        for records in pending.streams:
            records.recorder.take_back(records)
            self.count += len(records.events)
        self._waiting = dict.fromkeys(records.recorder for records in pending.streams) | self._waiting
        self._waits_since_s = self._left_since_s

    @property
    def _wanted(self) -> bool:
        """Return True if a record waits, or a caller waits for the next flush."""
        return not self.idle or bool(self._waiters)

    def _fail_waiting(self, failure: StoreFailed) -> None:
        """Report the failure of an earlier write for the records that wait for it."""
        for _, waiter in self._waiters:
            settle([waiter], failure)
        self._waiters = []
        for recorder in list(self._waiting):
            settle(recorder.waiters, failure)
            recorder.waiters = []
            recorder.on_failure(failure)

    def lose(self, recorder: Recorder, failure: StoreFailed) -> None:
        """Remove and close a recorder."""
        self._waiting.pop(recorder, None)
        self._open.discard(recorder)
        recorder.close(failure)
        recorder.on_failure(failure)


def _settle_by_session(whole: Pending, outcomes: Sequence[Outcome]) -> None:
    """Report each session's outcome to its waiters. A refusal of one session does not affect the others."""
    failures = {id_: failure for pending, failure in outcomes for id_ in pending.session_ids if failure is not None}
    first = next(iter(failures.values()), None)
    for session_id, waiter in whole.waiters:
        settle([waiter], first if session_id is None else failures.get(session_id))
    whole.waiters = []
