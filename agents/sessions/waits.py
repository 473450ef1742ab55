"""The rows of waits for people, and the turns that wait without an agent, which are parked.

A parked turn has an open stream with a mark, and no agent. An agent that starts with the turn clears the mark
(write.recovering).
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from msgspec import Struct
from sqlalchemy import Connection, bindparam, delete, func, insert, select, tuple_, type_coerce, update
from sqlalchemy.types import NullType

from agents.core.waiting import KeptWait, WaitKind, WaitSum
from agents.sessions.ownership import FREE
from agents.sessions.records import StreamStatus
from agents.sessions.row_values import shown_text, wait_kind, wait_of
from agents.sessions.side_records import WaitBegun, WaitChange, WaitDecided
from agents.sessions.tables import SESSIONS, STREAMS, WAITING

if TYPE_CHECKING:
    from agents.sessions.reading import Reading

Place: TypeAlias = tuple[float, str, int]
"""The place of something that waits in a list: its deadline, its stream and its number."""

_ROW: Final = WAITING.c.stream_id == bindparam("its_stream"), WAITING.c.number == bindparam("its_number")
_REMOVE: Final = delete(WAITING).where(*_ROW)
_DECIDE: Final = update(WAITING).where(*_ROW).values(ruling=bindparam("its_ruling"))
_PARKED: Final = STREAMS.c.parked_at.is_not(None)
"""Without the status, whose index would have SQLite begin with all open streams instead of the next deadline."""
_OF_PARKED: Final = WAITING.join(STREAMS, STREAMS.c.id == WAITING.c.stream_id).join(
    SESSIONS, SESSIONS.c.id == STREAMS.c.session_id
)
_ORDER: Final = WAITING.c.deadline, WAITING.c.stream_id, WAITING.c.number


class ParkedWait(Struct, frozen=True):
    """Something that waits in a parked turn. owner: of the session."""

    session_id: str
    stream_id: str
    owner: str | None
    wait: KeptWait


def write(connection: Connection, changes: Sequence[WaitChange]) -> None:
    """Write the changes in their order, within a transaction of the journal."""
    for change in changes:
        number = change.waiting.call.index if isinstance(change, WaitBegun) else change.number
        row: dict[str, Any] = {"its_stream": change.stream_id, "its_number": number}
        if isinstance(change, WaitDecided):
            connection.execute(_DECIDE, {**row, "its_ruling": change.ruling})
            continue
        connection.execute(_REMOVE, row)
        if isinstance(change, WaitBegun):
            connection.execute(insert(WAITING).values(**_values(change)))


def park(connection: Connection, streams: Mapping[str, str]) -> None:
    """Record that these turns wait without an agent, within a transaction of the journal.

    streams: the account of the agent by the id of the stream.
    """
    of_these = STREAMS.c.id.in_(streams), STREAMS.c.status == StreamStatus.OPEN.value
    connection.execute(update(STREAMS).where(*of_these).values(parked_at=datetime.now(UTC), recoveries=0))
    for stream_id, account in streams.items():
        connection.execute(update(WAITING).where(WAITING.c.stream_id == stream_id).values(agent=account))


async def waits_of(store: "Reading", stream_id: str) -> tuple[KeptWait, ...]:
    """Return what waits in a turn, with the rulings on which the turn has not acted."""
    wanted = select(WAITING).where(WAITING.c.stream_id == stream_id).order_by(WAITING.c.number)
    return tuple(map(wait_of, await store.rows(wanted)))


async def parked(store: "Reading", ids: Collection[str]) -> set[str]:
    """Return those of these sessions whose turn is parked."""
    wanted = select(STREAMS.c.session_id).where(STREAMS.c.session_id.in_(ids), _PARKED)
    return {id_ for (id_,) in await store.rows(wanted)}


async def overdue(store: "Reading", now: float, limit: int) -> list[str]:
    """Return the free sessions with a parked turn in which a deadline has passed, the longest ago first."""
    wanted = (
        select(STREAMS.c.session_id)
        .select_from(_OF_PARKED)
        .where(WAITING.c.deadline <= now, _PARKED, FREE)
        .group_by(STREAMS.c.session_id)
        .order_by(func.min(WAITING.c.deadline))
        .limit(limit)
    )
    return [id_ for (id_,) in await store.rows(wanted)]


async def next_deadline(store: "Reading", after: float) -> float | None:
    """Return the first deadline above this Unix time in a parked turn, or None."""
    wanted = (
        select(WAITING.c.deadline)
        .select_from(_OF_PARKED)
        .where(WAITING.c.deadline > after, _PARKED)
        .order_by(WAITING.c.deadline)
        .limit(1)
    )
    return next((deadline for (deadline,) in await store.rows(wanted)), None)


async def parked_waits(
    store: "Reading", after: Place | None, limit: int, owner: str | None, kind: WaitKind | None = None
) -> list[ParkedWait]:
    """Return what waits in parked turns, the most urgent first.

    after: the place of the last one of the previous page. owner: only in this user's sessions. kind: only of this one.
    """
    columns = WAITING, STREAMS.c.session_id, SESSIONS.c.owner
    wanted = select(*columns).select_from(_OF_PARKED).where(_PARKED).order_by(*_ORDER).limit(limit)
    if owner is not None:
        wanted = wanted.where(SESSIONS.c.owner == owner)
    if kind is not None:
        wanted = wanted.where(WAITING.c.kind == kind)
    if after is not None:
        wanted = wanted.where(tuple_(*_ORDER) > after)
    return [ParkedWait(row.session_id, row.stream_id, row.owner, wait_of(row)) for row in await store.rows(wanted)]


async def parked_sums(store: "Reading") -> list[WaitSum]:
    """Return what waits in parked turns without a decision, as sums by account and kind, the oldest first.

    This reads each row of WAITING, and seeks its stream and its session.
    """
    agent = func.coalesce(WAITING.c.agent, SESSIONS.c.name)  # an older version parked turns without an account
    name, oldest = type_coerce(agent, NullType()), func.min(WAITING.c.asked_at)
    wanted = (
        select(name, WAITING.c.kind, func.count(), oldest)
        .select_from(_OF_PARKED)
        .where(_PARKED, WAITING.c.ruling.is_(None))
        .group_by(name, WAITING.c.kind)
        .order_by(oldest)
    )
    rows: Sequence[Any] = await store.rows(wanted)
    return [WaitSum(shown_text(agent) or "", wait_kind(kind), count, at) for agent, kind, count, at in rows]


def _values(begun: WaitBegun) -> dict[str, Any]:
    waiting = begun.waiting
    return {
        "stream_id": begun.stream_id,
        "number": waiting.call.index,
        "call_id": waiting.call.id,
        "kind": waiting.kind,
        "call": waiting.call,
        "asked_at": waiting.asked_at,
        "deadline": waiting.deadline,
        "on_timeout": waiting.on_timeout,
        "question": waiting.question,
        "why": waiting.why or None,
    }
