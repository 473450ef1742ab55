"""A stream of a kept session: its events go to disk, and subscribers get each event when its durability allows.

Some kinds of events are published only when they are on disk, see disk_first.py. `ahead` is the number of other events
that may be published before they are on disk. A turn that continues after a crash publishes the events of its
sub-agents from its last one on disk.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final

import msgspec

from actors import Pid, send
from actors.clock import now_s
from agents.core.checkpoint import TurnCheckpoint, checkpoint
from agents.core.conversation import Conversation
from agents.core.errors import Fault, StoreFailed
from agents.core.events import (
    TERMINAL,
    Event,
    StreamApprovalRequired,
    StreamComplete,
    StreamError,
    StreamToolResult,
)
from agents.core.ledger import LedgerEntry
from agents.core.message_times import times_of
from agents.core.parts import Content
from agents.core.turn import Phase
from agents.core.turn_state import status_of
from agents.core.waiting import Ruling
from agents.sessions import Fenced, NotData, Recorder, SessionError, StreamStatus
from agents.sessions import WriteFailed as SessionFailed
from agents.sessions.checkpoints import CheckpointWriter
from agents.sessions.cut import Cut
from agents.sessions.payload import Decoder
from agents.streams.disk_first import on_disk_first
from agents.streams.event_log import EventLog
from agents.streams.ledger import StreamLedger
from agents.streams.stream import Stream

EVENTS: Final[Decoder[list[Event]]] = Decoder(list[Event])


class StreamLost(msgspec.Struct, frozen=True):
    """Message to the agent: the store can't write this stream."""

    stream_id: str
    fault: StoreFailed


class KeptStream(Stream):
    """A stream that the store keeps.

    before: the conversation before the stream's turn. ahead: the number of published events that may not be on disk
    yet. cut: the kept part of a stream that continues after a crash. owner: the user who owns the agent.
    """

    __slots__ = (
        "_ahead", "_before", "_checkpoints", "_durable_seq", "_failed", "_held", "_ledger", "_owner", "_recorder",
        "_resumed_at", "_seen_seq", "_silent",
    )  # fmt: skip

    def __init__(
        self,
        id_: str,
        agent: Pid,
        subscribers: Iterable[Pid],
        recorder: Recorder,
        *,
        buffer_size: int | None,
        before: Conversation,
        ahead: int,
        cut: Cut | None,
        owner: str | None = None,
    ) -> None:
        super().__init__(id_, agent, subscribers, buffer_size=buffer_size)
        self._seen_seq = 0
        if cut is not None:
            self._log = EventLog(cut.events)
            self._seen_seq = cut.log.seq
        self._recorder, self._before, self._ahead = recorder, before, ahead
        self._durable_seq = recorder.last_seq
        self._held: deque[Event] = deque()
        self._failed = self._silent = False
        self._checkpoints = CheckpointWriter(None if cut is None else cut.saved)
        self._ledger, self._owner = StreamLedger(recorder.session_id, id_, cut), owner
        self._resumed_at = None if cut is None else _progress(cut.saved)
        recorder.on_durable, recorder.on_failure = self._on_durable, self._on_failure

    @property
    def seq(self) -> int:
        """The seq of the last event that a subscriber may have."""
        return max(super().seq, self._seen_seq)

    @property
    def all_published(self) -> bool:
        return not self._held

    def publish(self, event: Event) -> None:
        self._recorder.event(event)
        kind = type(event)
        if kind is StreamToolResult:
            self._note(self._ledger.ended(event))  # type: ignore[arg-type]  # its kind was checked
        elif kind is StreamApprovalRequired and self.turn is not None:  # it may be a call of which nobody knows enough
            self._note(self._ledger.changed(self.turn))
        elif isinstance(event, TERMINAL):
            self._record_end(event)
        if self._failed:
            self._publish_unkept(event)
        elif self._held or on_disk_first(event) or event.seq > self._durable_seq + self._ahead:
            self._held.append(event)
        else:
            super().publish(event)

    def _publish_unkept(self, event: Event) -> None:
        """Publish without waiting for the disk: the store has failed, and the turn is ending."""
        if isinstance(event, StreamComplete):
            event = self._end_unkept(event, StoreFailed(SessionFailed.for_client))
        self._publish_or_log(event)

    def _publish_or_log(self, event: Event) -> None:
        if self._silent:
            self._log.append(event)
        else:
            super().publish(event)

    def checkpoint(self) -> None:
        turn = self.turn
        if turn is not None and turn.phase is not Phase.ENDED:
            state = checkpoint(turn, self._before, now_s(), self.trace.span.carrier)
            if state.is_first:
                return
            try:
                head, parts = self._checkpoints.written(state)
            except NotData as refused:
                self._recorder.refuse(refused)
            else:
                self._note(self._ledger.changed(turn))
                self._recorder.checkpoint(head, parts, again=_progress(state) == self._resumed_at)

    async def durable(self, *, before_a_call: bool = False) -> Fault | None:
        try:
            await self._recorder.durable()
            if before_a_call:  # after a stop of this program, another node may have continued the turn
                await self._recorder.sure()
        except SessionError as failed:
            self._on_failure(failed)
            return StoreFailed(failed.for_client)
        return None

    def decided(self, number: int, ruling: Ruling) -> None:
        """Record a person's decision about a call that waits. number: the call's index."""
        self._recorder.decided(number, ruling)

    def steer(self, message: Content, now_s: float) -> bool:
        steered = super().steer(message, now_s)
        if steered:
            self.checkpoint()
        return steered

    def _record_end(self, event: StreamComplete | StreamError) -> None:
        """Record the end of the stream in the transaction of its terminal event."""
        turn = self.turn
        self._note(self._ledger.closed())
        status = StreamStatus(status_of(event))
        if turn is None:
            self._recorder.ended(status, None, None, ())
        else:
            past, spent, messages = turn.past, turn.past.spent, turn.conversation[len(self._before) :]
            times = times_of(messages, (*self.joined_events, *self._held, event))
            compaction = past.compaction if past.compacted else None
            self._recorder.ended(status, spent.usage, spent.cost, messages, times, compaction)

    def _note(self, entries: Iterable[LedgerEntry]) -> None:
        """Record new states of calls, for the transaction of the records beside them."""
        for entry in entries:
            self._recorder.effect(entry, self._owner)

    def _on_durable(self, seq: int) -> None:
        self._durable_seq = seq
        held = self._held
        while held and (held[0].seq <= seq or (not on_disk_first(held[0]) and held[0].seq <= seq + self._ahead)):
            super().publish(held.popleft())

    def _end_unkept(self, end: StreamComplete, fault: StoreFailed) -> StreamError:
        """Return an error in place of an end that is not on disk: a client may rely on an end that it got."""
        text, figures = end.response.content, end.response.metrics
        error = StreamError(
            fault, text, figures, end.response, stream_id=end.stream_id, seq=end.seq, attempt=end.attempt, at=end.at
        )
        if self._recorder.closed is None:
            self._recorder.end_as(error)
        else:
            self._record_again(error)
        return error

    def _record_again(self, end: StreamError) -> None:
        """Record an end with the recorder closed: the journal still writes a published end."""
        self._recorder.event(end)
        self._record_end(end)

    def _on_failure(self, failed: SessionError) -> None:
        """End the turn, so that no subscriber waits for the store.

        If another writer of the store continues the turn, publish nothing: the end is the other writer's.
        """
        if self._failed:
            return
        self._failed, self._silent = True, isinstance(failed, Fenced)
        fault = StoreFailed(failed.for_client)
        end = self._held[-1] if self._held else None
        if isinstance(end, StreamComplete):
            self._held[-1] = self._end_unkept(end, fault)
        elif isinstance(end, StreamError) and self._recorder.closed is not None:
            self._record_again(end)
        while self._held:
            event = self._held.popleft()
            if not isinstance(failed, NotData) or _is_data(event):  # a client can't get an event that is not JSON data
                self._publish_or_log(event)
        if self.agent is not None and self.outcome is None:
            send(self.agent, StreamLost(self.id, fault))


def _is_data(event: Event) -> bool:
    try:
        EVENTS.written([event])
    except NotData:
        return False
    return True


def _progress(saved: TurnCheckpoint) -> tuple[int, int]:
    """Return the progress of a turn: the number of its messages, and of results of the running calls."""
    return len(saved.messages), len(saved.results)
