"""The ownership of sessions: the node that may continue a session, by its epoch in the session's row.

A session is free if it has no node, or one that does not live. A node claims a session as it begins it, so only the
owner of a session has its agent. The owner changes only if the owner releases the session, or its fence is dropped.
So the fence of each write covers all that the node owns.
"""

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, case, or_, select, tuple_, update

from agents.sessions.checkpoints import was_calling
from agents.sessions.errors import Elsewhere, Lost
from agents.sessions.records import SUSPECTED, StreamStatus
from agents.sessions.sub_agents import SERVING
from agents.sessions.tables import FENCES, SESSIONS, STREAMS, WRITER

_LIVES: Final = SESSIONS.c.node.in_(select(FENCES.c.epoch))
_UNKNOWN: Final = SESSIONS.c.node > select(WRITER.c.epoch).scalar_subquery()
"""The node joined after this statement began, so it lives."""

_DEAD: Final = and_(SESSIONS.c.node.is_not(None), ~_LIVES, ~_UNKNOWN)
_OPEN: Final = STREAMS.c.status == StreamStatus.OPEN.value

PARKED: Final = (
    select(STREAMS.c.id).where(STREAMS.c.session_id == SESSIONS.c.id, _OPEN, STREAMS.c.parked_at.is_not(None)).exists()
)
"""The session's turn waits for people. The later open streams wait for it."""

FREE: Final = or_(SESSIONS.c.node.is_(None), _DEAD)
"""No living node owns the session."""

HAS_TURN: Final = select(STREAMS.c.id).where(STREAMS.c.session_id == SESSIONS.c.id, _OPEN).exists()
"""The session has a turn that is not over."""


CUT: Final = and_(HAS_TURN, ~PARKED)
"""The session has a turn that is not over, and that a node must continue if no living one owns the session."""


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
    """Free those of these sessions that the node owns. A turn that runs there has not failed, and may be resumed."""
    mine = select(SESSIONS.c.id).where(SESSIONS.c.id.in_(ids), SESSIONS.c.node == epoch)
    resumed = update(STREAMS).where(*_ran_in(mine)).values(recoveries=STREAMS.c.recoveries - 1)
    connection.execute(resumed)  # the resume itself counts 1
    connection.execute(update(SESSIONS).where(SESSIONS.c.id.in_(mine)).values(node=None))


def take_over(connection: Connection, epoch: int, limit: int) -> list[str]:
    """Own up to limit free sessions that have an open stream, and return their ids. Count the takeovers.

    Two nodes that ask at the same time get different sessions.
    """
    cut = CUT, SESSIONS.c.id.not_in(SERVING)
    free = select(SESSIONS.c.id, SESSIONS.c.node).where(FREE, *cut)
    found = connection.execute(free.order_by(SESSIONS.c.id).limit(limit).with_for_update(skip_locked=True)).all()
    ids = [row.id for row in found]
    if ids:
        connection.execute(update(SESSIONS).where(SESSIONS.c.id.in_(ids)).values(node=epoch))
    _count_takeover(connection, [row.id for row in found if row.node is not None])
    return ids


def count_takeovers(connection: Connection, ids: Collection[str]) -> None:
    """Count the takeover of those of these sessions whose owner died, before they are claimed.

    A turn that ran there counts it once, or SUSPECTED times if its calls ran.
    """
    died = connection.execute(select(SESSIONS.c.id).where(SESSIONS.c.id.in_(ids), _DEAD).with_for_update())
    _count_takeover(connection, died.scalars().all())


def _count_takeover(connection: Connection, session_ids: Collection[str]) -> None:
    if not session_ids:
        return
    ran = connection.execute(select(STREAMS.c.id, STREAMS.c.checkpoint).where(*_ran_in(session_ids))).all()
    suspects = [row.id for row in ran if was_calling(row.checkpoint)]
    times = case((STREAMS.c.id.in_(suspects), SUSPECTED), else_=1)
    concerned = update(STREAMS).where(STREAMS.c.id.in_([row.id for row in ran]))
    counted = {"takeovers": STREAMS.c.takeovers + times, "recoveries": STREAMS.c.recoveries - 1}
    connection.execute(concerned.values(counted))  # the resume itself counts 1 as a recovery


def _ran_in(session_ids: Any) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for the stream of these sessions that runs. The later open streams wait for it.

    A parked turn does not run.
    """
    others = STREAMS.alias()
    earlier = select(others.c.id).where(
        others.c.session_id == STREAMS.c.session_id,
        others.c.status == StreamStatus.OPEN.value,
        tuple_(others.c.begun_at, others.c.id) < tuple_(STREAMS.c.begun_at, STREAMS.c.id),
    )
    return STREAMS.c.session_id.in_(session_ids), _OPEN, STREAMS.c.parked_at.is_(None), ~earlier.exists()


def _not_of(epoch: int, ids: Collection[str]) -> Select[tuple[str, int]]:
    others = or_(SESSIONS.c.node.is_(None), SESSIONS.c.node != epoch)
    return select(SESSIONS.c.id, SESSIONS.c.node).where(SESSIONS.c.id.in_(ids), others)
