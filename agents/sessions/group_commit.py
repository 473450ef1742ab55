"""Group commit: the records of all recorders, written in one transaction after the other.

A flush begins batch_s after the first waiting record, or when batch_events of one stream wait. The events of many
streams do not make it begin earlier: a commit costs as much as dozens of rows. An urgent record starts it at once.
One flush runs at a time. Records that arrive meanwhile go with the next one, so batches grow with the load.

A failed flush is retried during the store's grace (patience.py), and no recorder gets the failure. After the grace its
records are kept, in order, and tried again after RETRY_S, or sooner for an urgent record. A write whose outcome is
unknown is repeated unchanged, before any other write: the store can then recognise that it was committed. If the store
refuses a session's records, only that session loses its recorders.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from actors.log import get_logger
from agents.sessions.end_recorder import record_end
from agents.sessions.errors import Elsewhere, RecordsRefused, WriteFailed
from agents.sessions.flush import Outcome, flush
from agents.sessions.last_words import LastWords
from agents.sessions.leaving import LeavingRecords
from agents.sessions.patience import Patience
from agents.sessions.pending import Pending, Records, Waiter, settle
from agents.sessions.recorder import Recorder
from agents.sessions.waiting import Behind, WaitingRecords

if TYPE_CHECKING:
    from agents.sessions.store import Store

RETRY_S: Final = 1.0

log = get_logger("understudy.sessions")


class GroupCommit:
    """The records on their way to the disk, and the recorders that add them.

    call: asks the journal to begin a flush. batch_events: the number of a stream's waiting events that makes one due.
    """

    def __init__(
        self, store: "Store", grace_s: float, batch_s: float, batch_events: int, call: Callable[[], None]
    ) -> None:
        self.store = store
        self.patience = Patience(grace_s)
        self.batch_events = batch_events
        self.waiting = WaitingRecords()
        self.due = False
        self._batch_s = batch_s
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._open: set[Recorder] = set()
        self._leaving = LeavingRecords()
        self._timer: asyncio.TimerHandle | None = None
        self.closed: WriteFailed | None = None

    # For recorders

    def add(self, recorder: Recorder) -> None:
        if self.closed is not None:
            recorder.close(self.closed)
        self._open.add(recorder)

    def record(self, add: Callable[[WaitingRecords], None]) -> None:
        """Record what belongs to no recorder. The other records of the same step go to disk with it."""
        if self.closed is None:
            add(self.waiting)
            self._soon()

    def join(self, recorder: Recorder) -> None:
        """Add a recorder that has records to write."""
        if recorder not in self.waiting.recorders and recorder.closed is None:
            self.waiting.recorders[recorder] = None
            self._soon()

    def hurry(self, urgent: bool = True) -> None:
        """Make a flush due now. While writes fail, only an urgent record can shorten the pause."""
        if not self.due and (urgent or self.patience.failure is None):
            self.due = True
            if self._leaving.in_flight is None:
                self._call()

    def say_last(self, words: LastWords) -> None:
        """Record the published end of a stream whose recorder is closed."""
        record_end(self, words)

    async def written(self, session_id: str | None = None) -> None:
        """Wait until everything recorded of all sessions, or of this one, is on disk. Raises WriteFailed."""
        waiter = self._loop.create_future()
        if self.waiting:
            self.waiting.callers.append((session_id, waiter))
        elif (pending := self._leaving.pending) is not None:
            pending.waiters.append((session_id, waiter))
        else:
            waiter.set_result(None)
        await self._until(waiter)

    async def stream_written(self, recorder: Recorder) -> None:
        """Wait until everything recorded of this stream is on disk. Raises WriteFailed."""
        waiter = self._loop.create_future()
        if recorder in self.waiting.recorders:
            recorder.waiters.append(waiter)
        elif (records := self._leaving.of(recorder)) is not None:
            records.waiters.append(waiter)
        else:
            waiter.set_result(None)
        await self._until(waiter)

    def unsure(self, recorder: Recorder) -> Records:
        """Return the recorder's records in the write whose outcome is unknown."""
        records = self._leaving.of(recorder)
        assert records is not None, "expected a stream with records in the write that failed"
        return records

    async def _until(self, waiter: Waiter) -> None:
        if self.closed is not None:
            raise self.closed
        if not waiter.done():
            self.hurry()
        await waiter

    def _soon(self) -> None:
        if self.waiting.since_s is None:
            self.waiting.since_s = self._loop.time()
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is None:
            pause_s = self._batch_s if self.patience.failure is None else RETRY_S
            self._timer = self._loop.call_later(pause_s, self._time_is_up)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_is_up(self) -> None:
        self._timer = None
        self.hurry()

    # For the journal

    @property
    def idle(self) -> bool:
        """Return True if no record waits."""
        return not self.waiting and self._leaving.unsure is None

    def count_open(self) -> int:
        """Return the number of streams that have not ended."""
        return len(self._open)

    @property
    def behind(self) -> Behind:
        since_s = self.waiting.since_s if self._leaving.since_s is None else self._leaving.since_s
        return Behind(
            self.waiting.events + self._leaving.events, 0.0 if since_s is None else self._loop.time() - since_s
        )

    def take(self) -> Pending:
        """Return the unsure write if there is one, else all records that wait.

        The caller passes them to `flush`, and the outcomes to `done`.
        """
        self.due = False
        self._stop_timer()
        return self._leaving.begin(self.waiting)

    async def flush(self, pending: Pending) -> list[Outcome]:
        """Write the records. Raises Fenced."""
        return await flush(pending, self.store, self.patience, self.waiting.fail_the_longest)

    def done(self, outcomes: Sequence[Outcome]) -> None:
        """Report the outcomes to the recorders and waiters."""
        leaving = self._leaving
        repeated = leaving.unsure is not None
        whole = leaving.clear()
        for pending, failure in outcomes:
            match failure:
                case None:
                    self._on_disk(pending)
                case RecordsRefused():
                    self._refused(pending, failure)
                case _:
                    self._keep(pending, failure)
        if leaving.unsure is None:
            leaving.since_s = None
        if whole is not None:
            whole.settle(outcomes)
        failed = self.patience.failure
        if repeated and failed is not None:
            self.waiting.fail(failed)
        full = any(recorder.waiting >= self.batch_events for recorder in self.waiting.recorders)
        self.due = failed is None and (self.due or full or (repeated and self._wanted))
        if self.due:
            self._call()

    def close(self, failure: WriteFailed) -> None:
        """Stop writing. Every recorder and waiter gets the failure, and later records are dropped."""
        self.closed = failure
        self._stop_timer()
        whole = self._leaving.clear()
        if whole is not None:
            for records in whole.streams:
                records.settle(failure)
        for _, waiter in (*self.waiting.callers, *(whole.waiters if whole is not None else ())):
            settle([waiter], failure)
        for recorder in list(self._open):
            self.lose(recorder, failure)
        self.waiting.clear()

    def _on_disk(self, pending: Pending) -> None:
        for records in pending.streams:
            records.settle(None)
            if records.ended is not None:
                self._open.discard(records.recorder)
            if records.events:
                records.recorder.on_durable(records.events[-1].seq)

    def _refused(self, pending: Pending, failure: RecordsRefused) -> None:
        if not isinstance(failure, Elsewhere):  # the caller that begins the session gets this
            log.warning("records_refused", sessions=pending.session_ids, reason=str(failure))
        for records in pending.streams:
            records.settle(failure)
            records.recorder.never_begun = records.begun is not None
            self.lose(records.recorder, failure)

    def _keep(self, pending: Pending, failure: WriteFailed) -> None:
        """Keep records that were not written. At most one part of a flush was tried, so only that one is unsure."""
        for records in pending.streams:
            records.settle(failure)
        if pending.tried:
            self._leaving.unsure = pending
        else:
            self.waiting.take_back(pending, self._leaving.since_s)
        self._set_timer()
        for records in pending.streams:
            records.recorder.on_failure(failure)

    @property
    def _wanted(self) -> bool:
        """Return True if a record waits, or a caller waits for the next flush."""
        return not self.idle or bool(self.waiting.callers)

    def lose(self, recorder: Recorder, failure: WriteFailed) -> None:
        """Remove and close a recorder."""
        self.waiting.recorders.pop(recorder, None)
        self._open.discard(recorder)
        recorder.close(failure)
        recorder.on_failure(failure)
