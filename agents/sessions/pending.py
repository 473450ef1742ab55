"""The records that a flush takes from its recorders to the disk."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from random import getrandbits
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field
from msgspec.structs import replace

from agents.core.events import Event, StreamError
from agents.sessions.errors import WriteFailed
from agents.sessions.records import Batch, Checkpoint, SessionBegun, StreamBegun, StreamEnded, StreamStatus
from agents.sessions.side_records import Allowance, Charged, EffectNoted, WaitChange

if TYPE_CHECKING:
    from agents.sessions.recorder import Recorder

Waiter = asyncio.Future[None]
NUMBER_BITS: Final = 62  # enough bits that no number repeats


class Records(Struct, eq=False):
    """The records of one stream, in the order of the fields. waiters: callers that wait until these are on disk."""

    recorder: "Recorder"
    begun: StreamBegun | None = None
    events: list[Event] = []
    checkpoint: Checkpoint | None = None
    ended: StreamEnded | None = None
    waiters: list[Waiter] = []
    waits: list[WaitChange] = []
    effects: list[EffectNoted] = []

    def end_as(self, event: StreamError) -> None:
        """Replace the end by this one, for the next try of the write."""
        assert self.ended is not None, "expected a stream whose end was recorded"
        self.events[-1] = event
        self.ended = replace(self.ended, status=StreamStatus.ERROR)

    def settle(self, failure: WriteFailed | None) -> None:
        settle(self.waiters, failure)
        self.waiters = []


class Pending(Struct, eq=False):
    """The records of one flush.

    waiters: callers that wait for all of them, or for one session's. number: as in Batch. tried: a write of them
    failed, and may have been committed all the same.
    """

    sessions: list[SessionBegun]
    streams: list[Records]
    waiters: list[tuple[str | None, Waiter]] = []
    number: int = field(default_factory=partial(getrandbits, NUMBER_BITS))
    tried: bool = False
    charges: list[Charged | Allowance] = []

    def settle(self, outcomes: Sequence[tuple["Pending", WriteFailed | None]]) -> None:
        """Report each session's outcome to its callers. A refusal of one session does not affect the others.

        outcomes: of the parts that these records were written in.
        """
        failures = {id_: failure for part, failure in outcomes for id_ in part.session_ids if failure is not None}
        first = next(iter(failures.values()), None)
        for session_id, waiter in self.waiters:
            settle([waiter], first if session_id is None else failures.get(session_id))
        self.waiters = []

    @property
    def session_ids(self) -> list[str]:
        begun = [session.id for session in self.sessions]
        charged = [each.session_id for each in self.charges]
        return list(dict.fromkeys(begun + [records.recorder.session_id for records in self.streams] + charged))

    @property
    def is_divisible(self) -> bool:
        """Whether the store may refuse a part of them and accept the others."""
        if len(self.session_ids) > 1 or len(self.streams) > 1:
            return True
        return bool(self.streams and (self.sessions or self.charges))

    def divided(self) -> tuple["Pending", "Pending"]:
        """Return two parts: each has half of the sessions.

        The parts of one session are its begin and its streams, or each half of its streams, each with their charges. A
        stream is apart from its charges only at the end: they are due even if the store refuses the stream.
        """
        ids, streams = self.session_ids, self.streams
        if len(ids) > 1:
            first = set(ids[: len(ids) // 2])
            return self._of(lambda id_: id_ in first), self._of(lambda id_: id_ not in first)
        if len(streams) == 1 and not self.sessions:
            return Pending([], [], charges=self.charges), Pending([], streams)
        count = 0 if self.sessions else len(streams) // 2
        later = {each.recorder.stream_id for each in streams[count:]}
        charges: tuple[list[Charged | Allowance], list[Charged | Allowance]] = [], []
        for each in self.charges:
            charges[isinstance(each, Charged) and each.payer.stream_id in later].append(each)
        return Pending(self.sessions, streams[:count], charges=charges[0]), Pending(
            [], streams[count:], charges=charges[1]
        )

    def _of(self, chosen: Callable[[str], bool]) -> "Pending":
        return Pending(
            [each for each in self.sessions if chosen(each.id)],
            [each for each in self.streams if chosen(each.recorder.session_id)],
            charges=[each for each in self.charges if chosen(each.session_id)],
        )

    def batch(self) -> Batch:
        streams = self.streams
        return Batch(
            sessions=self.sessions,
            streams=[each.begun for each in streams if each.begun is not None],
            events=[(each.recorder.stream_id, each.events) for each in streams if each.events],
            checkpoints=[each.checkpoint for each in streams if each.checkpoint is not None],
            ended=[each.ended for each in streams if each.ended is not None],
            number=self.number,
            charges=self.charges,
            waits=[change for each in streams for change in each.waits],
            effects=[effect for each in streams for effect in each.effects],
            deliveries=[made for each in streams for made in each.recorder.announced(each.events)],
        )


def settle(waiters: list[Waiter], failure: WriteFailed | None) -> None:
    for waiter in waiters:
        if waiter.done():
            continue
        if failure is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(failure)
