"""A recorder: records one stream, on the loop. The next flush writes its records to disk.

Recording an event appends it to a list. A stream's begin and end, results of tools and checkpoints make a flush begin
at once, since clients wait for them.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec.structs import replace

from agents.core.compaction import Compaction
from agents.core.conversation import Conversation
from agents.core.deltas import Usage
from agents.core.events import (
    Event,
    StreamApprovalDecided,
    StreamApprovalRequired,
    StreamComplete,
    StreamError,
    StreamStart,
    StreamToolResult,
)
from agents.core.ledger import LedgerEntry
from agents.core.parts import Content
from agents.core.waiting import Ruling
from agents.sessions.errors import RecordsRefused, WriteFailed
from agents.sessions.last_words import LastWords
from agents.sessions.pending import Records, Waiter, settle
from agents.sessions.records import Checkpoint, CheckpointPart, StreamBegun, StreamEnded, StreamStatus
from agents.sessions.side_records import Delivery, EffectNoted
from agents.sessions.wait_changes import WaitChanges

if TYPE_CHECKING:
    from agents.sessions.group_commit import GroupCommit

OF_WAITS: Final = frozenset({StreamApprovalRequired, StreamApprovalDecided, StreamToolResult})
AT_ONCE: Final = frozenset({StreamStart, StreamComplete, StreamError, *OF_WAITS})

OnDurable: TypeAlias = Callable[[int], None]
OnFailure: TypeAlias = Callable[[WriteFailed], None]
Announce: TypeAlias = Callable[[Event], list[Delivery]]


class Recorder:
    """The recorder of one stream.

    on_durable: called after a flush with the seq up to which the stream's events are on disk.
    on_failure: called when a write failed. The records are kept and written with a later flush, unless the failure is
    RecordsRefused. In that case the recorder is closed and accepts only the end that subscribers get.
    announce: makes the messages of webhooks about an event. None: there are none.
    """

    __slots__ = (
        "_begun",
        "_checkpoint",
        "_effects",
        "_ended",
        "_events",
        "_group",
        "_waits",
        "announce",
        "closed",
        "last_seq",
        "never_begun",
        "on_durable",
        "on_failure",
        "session_id",
        "stream_id",
        "waiters",
    )

    def __init__(
        self,
        group: "GroupCommit",
        session_id: str,
        stream_id: str,
        last_seq: int,
        on_durable: OnDurable,
        on_failure: OnFailure,
    ) -> None:
        """Make a recorder. last_seq: the last seq that the store has of the stream."""
        self.session_id, self.stream_id = session_id, stream_id
        self.last_seq = last_seq
        self.on_durable, self.on_failure = on_durable, on_failure
        self.announce: Announce | None = None
        self.closed: WriteFailed | None = None
        self.never_begun = False  # the store refused the begin: the stream with this id there is another one
        self.waiters: list[Waiter] = []  # for records that no flush has taken
        self._group = group
        self._begun: StreamBegun | None = None
        self._events: list[Event] = []
        self._checkpoint: Checkpoint | None = None
        self._effects: list[EffectNoted] = []
        self._ended: StreamEnded | None = None
        self._waits = WaitChanges(stream_id)

    def begun(self, message: Content) -> None:
        """Record that the stream is new. Call this once, before any other record."""
        if self.closed is None:
            self._begun = StreamBegun(self.stream_id, self.session_id, message, datetime.now(UTC))
            self._group.join(self)

    def event(self, event: Event) -> None:
        """Record the next event. Its seq must follow that of the last one."""
        if self.closed is not None:
            self._events = [event]
            return
        events, group = self._events, self._group
        if not events:
            group.join(self)
        events.append(event)
        group.waiting.events += 1
        if len(events) >= group.batch_events or type(event) in AT_ONCE:
            if type(event) in OF_WAITS:
                self._waits.happened(event)
            group.hurry(type(event) in AT_ONCE)
            if self._lost():
                self._events = [event]

    def checkpoint(self, payload: bytes, parts: tuple[CheckpointPart, ...] = (), *, again: bool = False) -> None:
        """Record a state after the last event from which the turn can continue. parts, again: as in Checkpoint."""
        if self.closed is None:
            seq = self._events[-1].seq if self._events else self.last_seq
            self._checkpoint = Checkpoint(self.stream_id, seq, payload, again, parts).after(self._checkpoint)
            self._group.join(self)
            self._group.hurry()

    def decided(self, number: int, ruling: Ruling) -> None:
        """Record a decision on something that waits, before the turn acts on it. number: the index of the call."""
        if self.closed is None and self._waits.decided(number, ruling):
            self._group.join(self)
            self._group.hurry()

    def waited(self, numbers: Iterable[int]) -> None:
        """Take what a cut stream has in the store, so that its end removes it."""
        self._waits.open.update(numbers)

    def effect(self, entry: LedgerEntry, owner: str | None) -> None:
        """Record a new state of a call. It is written with the checkpoint or the event of the same step."""
        if self.closed is None:
            now = datetime.now(UTC)
            self._effects.append(EffectNoted(entry, self.session_id, self.stream_id, owner, now))
            self._group.join(self)

    def ended(
        self,
        status: StreamStatus,
        usage: Usage | None,
        cost: float | None,
        messages: Conversation,
        times: tuple[float | None, ...] = (),
        compaction: Compaction | None = None,
    ) -> None:
        """Record the end. Call this once, after all events. messages, times, compaction: as in StreamEnded."""
        now = datetime.now(UTC)
        ended = StreamEnded(self.stream_id, self.session_id, status, usage, cost, messages, now, times, compaction)
        last = self._events[-1] if self._events else None
        if self.closed is None:
            self._ended = ended
            self._waits.end()
            self._group.join(self)
            self._group.hurry()
        if self._lost() and isinstance(last, StreamError) and not self.never_begun:
            self._group.say_last(LastWords(last, ended))

    def end_as(self, event: StreamError) -> None:
        """Replace the recorded end, which is not known to be on disk, by this one.

        If a write of the end was committed and only its answer was lost, the store keeps the end as it was.
        """
        if self._ended is not None:
            self._events[-1] = event
            self._ended = replace(self._ended, status=StreamStatus.ERROR)
        else:
            self._group.unsure(self).end_as(event)

    def last_words(self, words: LastWords) -> None:
        """Record the end of a stream whose own recorder is closed."""
        self._ended = words.ended
        self.event(words.event)
        self._group.hurry()

    def refuse(self, failure: RecordsRefused) -> None:
        """Close this recorder, since the stream's next record can't be kept."""
        if self.closed is None:
            self._group.lose(self, failure)

    async def durable(self) -> None:
        """Wait until all records so far are on disk. Raises WriteFailed if they could not be written."""
        if self.closed is not None:
            raise self.closed
        await self._group.stream_written(self)

    def _lost(self) -> bool:
        """Return True if this recorder is closed. A journal that was killed closes its recorders at their next use."""
        return self.closed is not None

    async def sure(self) -> None:
        """Wait until this program certainly owns the session; see NodeStore.sure."""
        if (node := self._group.store.node) is not None:
            await node.sure()

    # For the group

    @property
    def waiting(self) -> int:
        """Return the number of events that no flush has taken."""
        return len(self._events)

    def take(self) -> Records:
        """Return all records that wait."""
        waits = self._waits.take()
        taken = Records(
            self, self._begun, self._events, self._checkpoint, self._ended, self.waiters, waits, self._effects
        )
        self._clear()
        if taken.events:
            self.last_seq = taken.events[-1].seq
        return taken

    def take_back(self, records: Records) -> None:
        """Put records that were not written before those recorded since."""
        self._begun = records.begun
        self._events = records.events + self._events
        later = self._checkpoint
        self._checkpoint = records.checkpoint if later is None else later.after(records.checkpoint)
        self._ended = self._ended or records.ended
        self._waits.take_back(records.waits)
        self._effects = records.effects + self._effects

    def announced(self, events: Iterable[Event]) -> list[Delivery]:
        """Return the messages about these events, which are about to be written."""
        announce = self.announce
        return [] if announce is None else [made for event in events for made in announce(event)]

    def close(self, failure: WriteFailed) -> None:
        self.closed = failure
        settle(self.waiters, failure)
        self._clear()

    def _clear(self) -> None:
        self._begun = self._checkpoint = self._ended = None
        self._events, self.waiters, self._effects = [], [], []
