"""Sessions that nobody uses: the oldest ones, and the space that they take."""

from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import BigInteger, ColumnElement, and_, cast, exists, func, or_, select

from agents.sessions.payload import keepable
from agents.sessions.records import StreamStatus
from agents.sessions.store import Store
from agents.sessions.sub_agents import NO_SUB_AGENT
from agents.sessions.tables import EVENTS, MESSAGES, PART_USES, PARTS, SESSIONS, STREAMS

_PARTS: Final = cast(func.coalesce(func.sum(PARTS.c.size_bytes), 0), BigInteger)  # PostgreSQL sums to a decimal
_BELOW: Final = SESSIONS.alias()


class DisusedSession(Struct, frozen=True):
    """A session without an open stream. size: the length of its messages, events and parts in the store.

    A session of a sub-agent counts for its caller's, with which it is deleted.
    """

    id: str
    updated_at: datetime
    size: int


async def disused(store: Store, after: DisusedSession | None, limit: int) -> list[DisusedSession]:
    """Return one page of these sessions, the one first that changed before all others. Raises StoreUnavailable.

    after: the last one of the previous page, which may be deleted by now.
    """
    open_ = exists().where(STREAMS.c.session_id == SESSIONS.c.id, STREAMS.c.status == StreamStatus.OPEN.value)
    of_messages = select(_length(MESSAGES)).where(_deleted_with(MESSAGES.c.session_id))
    of_events = select(_length(EVENTS)).select_from(EVENTS.join(STREAMS)).where(_deleted_with(STREAMS.c.session_id))
    of_parts = select(_PARTS).select_from(PARTS.join(PART_USES)).where(_deleted_with(PART_USES.c.session_id))
    size = of_messages.scalar_subquery() + of_events.scalar_subquery() + of_parts.scalar_subquery()
    oldest = select(SESSIONS.c.id, SESSIONS.c.updated_at, size.label("size")).where(~open_, NO_SUB_AGENT)
    if after is not None:
        same_time = and_(SESSIONS.c.updated_at == after.updated_at, SESSIONS.c.id > after.id)
        oldest = oldest.where(or_(SESSIONS.c.updated_at > after.updated_at, same_time))
    rows = await store.rows(oldest.order_by(SESSIONS.c.updated_at, SESSIONS.c.id).limit(limit))
    return [DisusedSession(row.id, row.updated_at, row.size) for row in rows if keepable(row.id)]


async def total_size(store: Store) -> int:
    """Return the length of all messages, events and parts in the store. Raises StoreUnavailable."""
    lengths = [await store.rows(select(each)) for each in (_length(MESSAGES), _length(EVENTS), _PARTS)]
    return sum(int(length) for ((length,),) in lengths)


async def has_open_turn(store: Store, session_id: str) -> bool:
    """Return whether the session has a turn that is not over, running or cut. Raises StoreUnavailable."""
    open_ = and_(STREAMS.c.session_id == session_id, STREAMS.c.status == StreamStatus.OPEN.value)
    return bool(await store.rows(select(STREAMS.c.id).where(open_).limit(1)))


def _deleted_with(session_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Return whether a row belongs to the session of the query, or to one of its sub-agents."""
    return or_(
        session_id == SESSIONS.c.id, session_id.in_(select(_BELOW.c.id).where(_BELOW.c.parent_id == SESSIONS.c.id))
    )


def _length(table: Any) -> Any:
    return func.coalesce(func.sum(func.length(table.c.payload)), 0)
