"""The compactions of kept conversations. A turn that made one records it at its end.

The agent uses its latest compaction. The store keeps each, because a fork continues with that of its own last turn.
"""

from collections.abc import Iterable
from typing import Any

from msgspec import Raw
from sqlalchemy import Connection, insert, literal, select

from actors.log import get_logger
from agents.core.compaction import NOTHING_LEFT_OUT, Compaction
from agents.sessions.errors import StoreDamaged
from agents.sessions.reading import Reading
from agents.sessions.tables import COMPACTIONS

log = get_logger("understudy.sessions")


def add(connection: Connection, made: Iterable[tuple[str, int, Raw | None]]) -> None:
    """Keep the compactions of ended turns: the session, its number of messages, and the compaction if there is one."""
    rows: list[dict[str, Any]] = [
        {"session_id": session_id, "position": position, "payload": payload}
        for session_id, position, payload in made
        if payload is not None
    ]
    if rows:
        connection.execute(insert(COMPACTIONS), rows)


def copy(connection: Connection, id_: str, new_id: str, count: int) -> None:
    """Give a fork the compactions that concern only its first messages. count: their number."""
    columns = [COMPACTIONS.c.position, COMPACTIONS.c.payload]
    old = select(literal(new_id), *columns).where(COMPACTIONS.c.session_id == id_, COMPACTIONS.c.position <= count)
    connection.execute(insert(COMPACTIONS).from_select([COMPACTIONS.c.session_id, *columns], old))


async def compaction_of(store: Reading, session_id: str, count: int) -> Compaction:
    """Return the session's last compaction, or one that leaves out nothing. count: the number of its messages.

    A damaged one is ignored, since the conversation is enough for a new one.
    """
    wanted = select(COMPACTIONS.c.payload).where(COMPACTIONS.c.session_id == session_id)
    try:
        rows = await store.rows(wanted.order_by(COMPACTIONS.c.position.desc()).limit(1))
    except StoreDamaged as damaged:
        log.warning("compaction_unreadable", session=session_id, reason=str(damaged))
        return NOTHING_LEFT_OUT
    compaction: Compaction = rows[0].payload if rows else NOTHING_LEFT_OUT
    return compaction if compaction.fits(count) else NOTHING_LEFT_OUT
