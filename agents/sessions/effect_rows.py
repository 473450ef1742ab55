"""The rows of the ledger of effects, as a turn's records change them.

The statements are those of the drivers: with SQLAlchemy's own a call would cost 200 microseconds in place of 80.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, update
from sqlalchemy import delete as deletion

from agents.core.ledger import EffectState
from agents.sessions.columns import EPOCH, MICROSECOND
from agents.sessions.ledger_tables import EFFECTS
from agents.sessions.side_records import EffectNoted

ENDED: Final = frozenset({EffectState.DONE, EffectState.FAILED, EffectState.UNKNOWN})
COLUMNS: Final = (
    *("key", "session_id", "stream_id", "call_id", "tool", "arguments", "owner", "node", "state", "attempt", "error"),
    *("intended_at", "begun_at", "ended_at"),
)
_KEPT: Final = """
effects.settled_at IS NOT NULL AND effects.attempt = excluded.attempt AND excluded.state IN ('begun', 'unknown')
"""
"""The condition under which a person's decision on an attempt stays: the turn does not know the outcome."""

_NOTE: Final = f"""
INSERT INTO effects ({", ".join(COLUMNS)}) VALUES (%s) ON CONFLICT (session_id, key) DO UPDATE SET
state = CASE WHEN {_KEPT} THEN effects.state ELSE excluded.state END,
error = CASE WHEN {_KEPT} THEN effects.error ELSE excluded.error END,
ended_at = CASE WHEN {_KEPT} THEN effects.ended_at ELSE excluded.ended_at END,
begun_at = CASE WHEN effects.attempt = excluded.attempt THEN effects.begun_at ELSE excluded.begun_at END,
attempt = excluded.attempt, arguments = excluded.arguments, node = excluded.node
"""  # noqa: S608 (constants)
_NOTES: Final = {
    "sqlite": _NOTE % ", ".join("?" for _ in COLUMNS),
    "postgresql": _NOTE % ", ".join(f"${place}" for place, _ in enumerate(COLUMNS, 1)),
}


def note(connection: Connection, noted: list[EffectNoted], node: str | None) -> None:
    """Write new states of calls. node: the name of the node that writes, in a cluster.

    A call that began and ended in one batch is written once. The begin of its last attempt is then that of the batch.
    """
    first = {each.entry.key: each.at for each in reversed(noted)}
    last = {each.entry.key: each for each in noted}
    rows = [_row(each, first[key], node) for key, each in last.items()]
    connection.exec_driver_sql(_NOTES[connection.dialect.name], rows)


def remove(connection: Connection, session_ids: Collection[str]) -> None:
    """Delete the rows of sessions that are deleted, except unknown effects. A begun call becomes unknown first."""
    theirs = EFFECTS.c.session_id.in_(session_ids)
    begun = update(EFFECTS).where(theirs, EFFECTS.c.state == EffectState.BEGUN.value)
    connection.execute(begun.values(state=EffectState.UNKNOWN.value))
    connection.execute(deletion(EFFECTS).where(theirs, EFFECTS.c.state != EffectState.UNKNOWN.value))


def _row(noted: EffectNoted, first_at: datetime, node: str | None) -> tuple[Any, ...]:
    entry, first = noted.entry, (first_at - EPOCH) // MICROSECOND
    return (
        entry.key,
        noted.session_id,
        noted.stream_id,
        _cleaned(entry.call_id),
        entry.tool,
        entry.arguments,
        noted.owner,
        node,
        entry.state.value,
        entry.attempt,
        entry.error,
        first,
        first if entry.attempt and entry.state is not EffectState.INTENDED else None,
        (noted.at - EPOCH) // MICROSECOND if entry.state in ENDED else None,
    )


def _cleaned(text: str) -> str:
    """Return the text of a provider in a form that a column can hold."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")[:200]
