"""The values of a store's rows. A row that is damaged raises StoreDamaged, except in a list of sessions."""

from datetime import datetime
from typing import Any, Final, get_args

from sqlalchemy import Row

from agents.core.events import Event
from agents.core.text import joined_surrogates
from agents.core.waiting import KeptWait, OnTimeout, Waiting, WaitKind
from agents.sessions.columns import EPOCH, instant
from agents.sessions.errors import StoreDamaged
from agents.sessions.packing import read
from agents.sessions.payload import Decoder, keepable
from agents.sessions.records import (
    Checkpoint,
    CheckpointPart,
    ListedSession,
    OpenStream,
    StreamRecord,
    StreamStatus,
)

DAMAGED: Final = "(damaged)"
"""Shown in place of a name that can't be read."""

_TEXT: Final[Decoder[str]] = Decoder(str)


def events_of(stream_id: str, row: Row[Any]) -> list[Event]:
    """Return the events of a row. Raises StoreDamaged if its seqs are not theirs, since pages are found by its seqs."""
    events = read(stream_id, row.first_seq, row.payload)
    if not events or (events[0].seq, events[-1].seq) != (row.first_seq, row.last_seq):
        raise StoreDamaged("the store is damaged: the seqs of a row of events are not those of its events")
    return events


def listed(row: Row[Any]) -> ListedSession:
    fields = fields_of(row)
    texts = {name: shown_text(fields[name]) for name in ("name", "title")}
    instants = {name: _instant(fields[name]) for name in ("created_at", "updated_at")}
    owner, count = fields["owner"], fields["message_count"]
    rest = {"owner": owner if keepable(owner) else None, "message_count": count if type(count) is int else 0}
    rest |= {name: fields[name] if isinstance(fields[name], str) else None for name in ("parent_id", "parent_call")}
    return ListedSession(**fields | texts | instants | rest)


def shown_text(payload: Any) -> str | None:
    """Return the text of a column, or a mark if it is damaged."""
    try:
        return None if payload is None else joined_surrogates(_TEXT(payload))
    except StoreDamaged:
        return DAMAGED


def _instant(value: Any) -> datetime:
    try:
        return instant(value)
    except StoreDamaged:
        return EPOCH


def stream_of(row: Row[Any]) -> StreamRecord:
    _check_id(row.id)
    try:
        status = StreamStatus(row.status)
    except ValueError:
        raise StoreDamaged(f"the store is damaged: the status of stream {row.id!r} is {row.status!r}") from None
    return StreamRecord(**fields_of(row) | {"status": status})


def fields_of(row: Row[Any]) -> dict[str, Any]:
    return dict(row._mapping)  # noqa: SLF001 (public; the underscore separates it from column names)


def _check_id(stream_id: str) -> None:
    if not keepable(stream_id):
        raise StoreDamaged("the store is damaged: expected the id of a stream, got text that is not an id")


def open_stream_of(row: Row[Any], parts: tuple[CheckpointPart, ...]) -> OpenStream:
    """Return the stream of a turn that has not ended. parts: those of its checkpoint."""
    _check_id(row.id)
    checkpoint = None
    if row.checkpoint is not None:
        checkpoint = Checkpoint(row.id, row.checkpoint_seq, row.checkpoint, parts=parts)
    rest = row.recoveries, row.takeovers, row.parked_at is not None
    return OpenStream(row.session_id, row.id, row.message, row.last_seq, checkpoint, *rest)


def wait_of(row: Row[Any]) -> KeptWait:
    """Return a row of WAITING."""
    kind = wait_kind(row.kind)
    on_timeout: OnTimeout = "approve" if row.on_timeout == "approve" else "deny"
    times = row.asked_at, row.deadline
    return KeptWait(Waiting(kind, row.call, *times, on_timeout, row.question, row.why or ""), row.ruling)


def wait_kind(value: Any) -> WaitKind:
    """Return the kind of a row of WAITING."""
    kind: WaitKind = value if value in get_args(WaitKind) else "approval"
    return kind
