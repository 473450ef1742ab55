"""The rows of a batch: every value in the form that its column takes, made before anything is locked.

All faults of values are found here, in one place and without the database. A fault raises RecordsRefused, and the
journal finds the session that it concerns.
"""

from collections.abc import Generator, Sequence
from datetime import datetime
from itertools import chain, repeat
from math import isfinite
from typing import Any, Final

from msgspec import Raw, Struct

from agents.core.compaction import Compaction
from agents.core.conversation import Conversation, Message
from agents.core.deltas import Usage
from agents.core.events import Event
from agents.core.parts import Content
from agents.sessions import packing
from agents.sessions.charge_rows import allowance_row, charge_row
from agents.sessions.errors import NotData, RecordsRefused
from agents.sessions.payload import Decoder, keepable
from agents.sessions.records import Batch, Checkpoint, SessionBegun, StreamBegun, StreamEnded, StreamStatus
from agents.sessions.side_records import Allowance, Charged, Delivery, EffectNoted, WaitChange

ROW_EVENTS: Final = 512  # the events of one row, which is encoded and decoded at once

_TEXT: Final[Decoder[str]] = Decoder(str)
_CONTENT: Final[Decoder[Content]] = Decoder(Content)
_CONFIG: Final[Decoder[dict[str, Any]]] = Decoder(dict[str, Any])
_USAGE: Final[Decoder[Usage]] = Decoder(Usage)
_MESSAGE: Final[Decoder[Message]] = Decoder(Message)
_COMPACTION: Final[Decoder[Compaction]] = Decoder(Compaction)


class End(Struct, frozen=True):
    """The end of a stream.

    values: of the stream's row, except its position in the conversation. times, compaction: as in StreamEnded.
    """

    session_id: str
    values: dict[str, Any]
    messages: list[Raw]
    times: tuple[float | None, ...] = ()
    compaction: Raw | None = None

    @property
    def stream_id(self) -> str:
        stream_id: str = self.values["key"]
        return stream_id

    @property
    def at(self) -> datetime:
        at: datetime = self.values["at"]
        return at


class EventRow(Struct, frozen=True):
    """Consecutive events of a stream. payload: see packing.py."""

    stream_id: str
    first_seq: int
    last_seq: int
    payload: bytes


class Rows(Struct, frozen=True):
    """The rows of a batch.

    sessions: by id, each with the opening messages of a new session.
    """

    sessions: dict[str, tuple[dict[str, Any], list[Raw]]]
    streams: list[dict[str, Any]]
    events: list[EventRow]
    checkpoints: list[dict[str, Any]]
    parts: list[dict[str, Any]]
    ends: list[End]
    charges: list[dict[str, Any]] = []
    allowances: list[dict[str, Any]] = []
    waits: list[WaitChange] = []
    effects: list[EffectNoted] = []
    deliveries: list[Delivery] = []

    @property
    def session_ids(self) -> set[str]:
        """Return the ids of the sessions of begun and ended streams."""
        return {row["session_id"] for row in self.streams} | {end.session_id for end in self.ends}

    @property
    def has_only_events(self) -> bool:
        own = self.sessions, self.streams, self.checkpoints, self.parts, self.ends
        rest = self.charges, self.allowances, self.waits, self.effects, self.deliveries
        return bool(self.events) and not any((*own, *rest))


def rows_of(batch: Batch) -> Generator[None, None, Rows]:
    """Make the rows of a batch, for `in_slices`. Raises RecordsRefused for a value that can't be stored.

    If a session begins twice, the last beginning counts.
    """
    try:
        return Rows(
            {session.id: _session(session) for session in batch.sessions},
            [_stream(stream) for stream in batch.streams],
            (yield from _all_events(batch.events)),
            [_checkpoint(checkpoint) for checkpoint in batch.checkpoints],
            [row for checkpoint in batch.checkpoints for row in _parts(checkpoint)],
            [_end(end) for end in batch.ended],
            [charge_row(each) for each in batch.charges if isinstance(each, Charged)],
            [allowance_row(each) for each in batch.charges if isinstance(each, Allowance)],
            batch.waits,
            batch.effects,
            batch.deliveries,
        )
    except RecordsRefused:
        raise
    except Exception as error:
        raise NotData(
            f"expected a record of a session, got one that can't be written ({type(error).__name__})"
        ) from error


def message_rows(
    session_id: str, position: int, messages: list[Raw], times: Sequence[float | None] = ()
) -> list[dict[str, Any]]:
    """Return the rows of messages from this position on. times: their Unix times; a missing one is unknown."""
    return [
        {"session_id": session_id, "position": place, "payload": message, "sent_at": sent_at}
        for place, (message, sent_at) in enumerate(zip(messages, chain(times, repeat(None)), strict=False), position)
    ]


def raw_messages(messages: Conversation) -> list[Raw]:
    """Return the messages encoded. Raises NotData."""
    return [_raw(_MESSAGE, message) for message in messages]


def _session(session: SessionBegun) -> tuple[dict[str, Any], list[Raw]]:
    opening = raw_messages(session.opening)
    row = {
        "id": _id(session.id),
        "owner": None if session.owner is None else _id(session.owner, "the name of an owner"),
        "name": _raw(_TEXT, session.name),
        "config": None if session.config is None else _raw(_CONFIG, session.config),
        "created_at": session.at,
        "updated_at": session.at,
        "message_count": len(opening),
        "parent_id": None if session.parent_id is None else _id(session.parent_id),
        "parent_call": session.parent_call,
    }
    return row, opening


def _stream(stream: StreamBegun) -> dict[str, Any]:
    return {
        "id": _id(stream.id),
        "session_id": _id(stream.session_id),
        "message": _raw(_CONTENT, stream.message),
        "status": StreamStatus.OPEN.value,
        "begun_at": stream.at,
    }


def _all_events(added: list[tuple[str, list[Event]]]) -> Generator[None, None, list[EventRow]]:
    rows = []
    for stream_id, events in added:
        first, last = events[0].seq, events[-1].seq
        if last - first + 1 != len(events):
            raise RecordsRefused(
                f"expected events of {stream_id} without a gap, got {len(events)} from {first} to {last}"
            )
        for place in range(0, len(events), ROW_EVENTS):
            some = events[place : place + ROW_EVENTS]
            payload = packing.written(stream_id, some)
            rows.append(EventRow(_id(stream_id), some[0].seq, some[-1].seq, payload))
            yield
    return rows


def _checkpoint(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "key": _id(checkpoint.stream_id),
        "payload": bytes(checkpoint.payload),
        "seq": checkpoint.seq,
        "its_again": checkpoint.again,
    }


def _parts(checkpoint: Checkpoint) -> list[dict[str, Any]]:
    return [
        {"stream_id": checkpoint.stream_id, "number": part.number, "payload": bytes(part.payload)}
        for part in checkpoint.parts
    ]


def _end(end: StreamEnded) -> End:
    if end.cost is not None and not isfinite(end.cost):
        raise NotData(f"expected a cost that is finite, got {end.cost}")
    values = {
        "key": _id(end.id),
        "its_status": StreamStatus(end.status).value,
        "at": end.at,
        "its_usage": None if end.usage is None else _raw(_USAGE, end.usage),
        "its_cost": end.cost,
    }
    compaction = None if end.compaction is None else _raw(_COMPACTION, end.compaction)
    return End(_id(end.session_id), values, raw_messages(end.messages), end.times, compaction)


def _raw(decoder: Decoder[Any], value: Any) -> Raw:
    return Raw(decoder.written(value))


def _id(id_: str, what: str = "an id") -> str:
    if not keepable(id_):
        raise NotData(f"expected {what} of 1 to 200 printable characters, got {id_[:200]!r}")
    return id_
