"""The sessions of sub-agents: each belongs to the session of its caller."""

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, func, select, type_coerce
from sqlalchemy.types import NullType

from agents.sessions.records import StreamStatus
from agents.sessions.tables import SESSIONS, STREAMS

_SUB_AGENT: Final = SESSIONS.alias()
_OF_CALLER: Final = STREAMS.alias()

NO_SUB_AGENT: Final = SESSIONS.c.parent_id.is_(None)

SERVING: Final = (
    select(_SUB_AGENT.c.id)
    .join(_OF_CALLER, _OF_CALLER.c.session_id == _SUB_AGENT.c.parent_id)
    .where(_OF_CALLER.c.status == StreamStatus.OPEN.value)
)
"""The ids of sub-agents whose callers have a turn that has not ended."""


def cut(of: str | None) -> Select[Any]:
    """Return the query of the sessions with turns that run, wait, or were cut, ordered by their oldest such turn.

    Sub-agents whose callers have such turns are left out: the callers' calls continue them. Sessions whose turn is
    parked are left out, too. of: only the sub-agents of this session.
    """
    session_id: ColumnElement[Any] = type_coerce(STREAMS.c.session_id, NullType())  # undecoded, as in a list
    called = select(SESSIONS.c.id).where(SESSIONS.c.parent_id == of)
    chosen = STREAMS.c.session_id.not_in(SERVING) if of is None else STREAMS.c.session_id.in_(called)
    return (
        select(session_id)
        .where(STREAMS.c.status == StreamStatus.OPEN.value, chosen)
        .group_by(STREAMS.c.session_id)
        .having(func.count(STREAMS.c.parked_at) == 0)
        .order_by(func.min(STREAMS.c.begun_at), STREAMS.c.session_id)
    )


def below(connection: Connection, ids: Collection[str]) -> list[str]:
    """Return the ids of the sub-agents of these sessions, at every depth."""
    found: list[str] = []
    callers = list(ids)
    while callers:
        wanted = select(SESSIONS.c.id).where(SESSIONS.c.parent_id.in_(callers), SESSIONS.c.id.not_in([*ids, *found]))
        callers = list(connection.execute(wanted).scalars())
        found += callers
    return found
