"""The ownership of sessions: the node that may continue a session, by its epoch in the session's row.

A session is free if it has no node, or one that does not live. A node claims a session as it begins it, so only the
owner of a session has its agent. The owner changes only if the owner releases the session, or its fence is dropped.
So the fence of each write covers all that the node owns.
"""

from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, Select, and_, or_, select, tuple_, update

from agents.sessions.errors import Elsewhere, Lost
from agents.sessions.records import StreamStatus
from agents.sessions.tables import FENCES, SESSIONS, STREAMS, WRITER

_LIVES: Final = SESSIONS.c.node.in_(select(FENCES.c.epoch))
_UNKNOWN: Final = SESSIONS.c.node > select(WRITER.c.epoch).scalar_subquery()
"""The node joined after this statement began, so it lives."""

_DEAD: Final = and_(SESSIONS.c.node.is_not(None), ~_LIVES, ~_UNKNOWN)
_OPEN: Final = STREAMS.c.status == StreamStatus.OPEN.value


def claim(connection: Connection, epoch: int, ids: Collection[str]) -> None:
    """Own these sessions, which exist. Raises Elsewhere if another living node owns one."""
    free = or_(SESSIONS.c.node.is_(None), SESSIONS.c.node == epoch, _DEAD)
    connection.execute(update(SESSIONS).where(SESSIONS.c.id.in_(ids), free).values(node=epoch))
    for row in connection.execute(_not_of(epoch, ids)):
        raise Elsewhere(row.id, row.node)


def check_owned(connection: Connection, epoch: int, ids: Collection[str]) -> None:
    """Raise Lost if the node does not own one of these sessions."""
    for row in connection.execute(_not_of(epoch, ids)):
        raise Lost(row.id)


def release(connection: Connection, epoch: int, ids: Collection[str]) -> None:
    """Free those of these sessions that the node owns."""
    connection.execute(update(SESSIONS).where(SESSIONS.c.id.in_(ids), SESSIONS.c.node == epoch).values(node=None))


def take_over(connection: Connection, epoch: int, limit: int) -> list[str]:
    """Own up to limit sessions of dead nodes that have an open stream, and return their ids.

    The turn that ran in each counts the takeover. Two nodes that ask at the same time get different sessions.
    """
    cut = select(STREAMS.c.id).where(STREAMS.c.session_id == SESSIONS.c.id, _OPEN).exists()
    wanted = select(SESSIONS.c.id).where(_DEAD, cut).order_by(SESSIONS.c.id).limit(limit)
    ids = list(connection.execute(wanted.with_for_update(skip_locked=True)).scalars())
    if ids:
        connection.execute(update(SESSIONS).where(SESSIONS.c.id.in_(ids)).values(node=epoch))
        others = STREAMS.alias()
        earlier = select(others.c.id).where(
            others.c.session_id == STREAMS.c.session_id,
            others.c.status == StreamStatus.OPEN.value,
            tuple_(others.c.begun_at, others.c.id) < tuple_(STREAMS.c.begun_at, STREAMS.c.id),
        )
        ran = update(STREAMS).where(STREAMS.c.session_id.in_(ids), _OPEN, ~earlier.exists())
        connection.execute(ran.values(takeovers=STREAMS.c.takeovers + 1))
    return ids


def _not_of(epoch: int, ids: Collection[str]) -> Select[tuple[str, int]]:
    others = or_(SESSIONS.c.node.is_(None), SESSIONS.c.node != epoch)
    return select(SESSIONS.c.id, SESSIONS.c.node).where(SESSIONS.c.id.in_(ids), others)
