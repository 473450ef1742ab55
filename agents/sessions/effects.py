"""The ledger of effects, as people read and settle it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from sqlalchemy import select, tuple_, update

from agents.core.ledger import EffectState
from agents.core.outcome import DidNotHappen, Happened, Outcome
from agents.sessions.errors import OutcomeKnown, StoreDamaged, UnknownEffect
from agents.sessions.ledger_tables import EFFECTS
from agents.sessions.payload import keepable
from agents.sessions.reading import Reading
from agents.sessions.side_records import EffectRecord

if TYPE_CHECKING:
    from agents.sessions.store import Store


class Chosen(Struct, frozen=True, kw_only=True):
    """The effects that a list shows. None: any. since: those that were intended from this moment on."""

    state: EffectState | None = None
    session_id: str | None = None
    owner: str | None = None
    since: datetime | None = None


async def effects(store: Reading, chosen: Chosen, after: str | None = None, limit: int = 100) -> list[EffectRecord]:
    """Return one page of effects, the newest first. after: the key of the last one of the previous page.

    Raises StoreUnavailable.
    """
    order = (EFFECTS.c.intended_at, EFFECTS.c.key)
    wanted = select(EFFECTS).order_by(*(column.desc() for column in order)).limit(limit)
    for column, value in ((EFFECTS.c.state, chosen.state), (EFFECTS.c.session_id, chosen.session_id)):
        if value is not None:
            wanted = wanted.where(column == str(value))
    if chosen.owner is not None:
        wanted = wanted.where(EFFECTS.c.owner == chosen.owner)
    if chosen.since is not None:
        wanted = wanted.where(EFFECTS.c.intended_at >= chosen.since)
    if after is not None:
        place = select(*order).where(EFFECTS.c.key == after)
        wanted = wanted.where(tuple_(*order) < place.scalar_subquery())
    return _records(await store.rows(wanted))


async def effect(store: Reading, key: str) -> EffectRecord | None:
    """Return the effect with this key. Raises StoreUnavailable."""
    found = _records(await store.rows(select(EFFECTS).where(EFFECTS.c.key == key))) if keepable(key) else []
    return found[0] if found else None


async def of_stream(store: Reading, session_id: str, stream_id: str) -> list[EffectRecord]:
    """Return the effects of a stream. Raises StoreUnavailable."""
    same = EFFECTS.c.session_id == session_id, EFFECTS.c.stream_id == stream_id
    return _records(await store.rows(select(EFFECTS).where(*same)))


async def settle(
    store: "Store", key: str, outcome: Outcome, by: str | None, note: str | None, *, begun: bool = False
) -> EffectRecord:
    """Record a person's decision on an effect whose outcome is not known, and return the record.

    begun: also of a call that has begun, since no program runs it. Raises UnknownEffect, OutcomeKnown, WriteFailed.
    """
    if not keepable(key):
        raise UnknownEffect(key)
    now = datetime.now(UTC)
    state = EffectState.DONE if isinstance(outcome, Happened) else EffectState.FAILED
    error = "no_effect" if isinstance(outcome, DidNotHappen) else None
    values: dict[str, Any] = {"state": state.value, "error": error, "outcome": outcome, "ended_at": now}
    values |= {"settled_at": now, "settled_by": by, "note": note}
    states = [EffectState.UNKNOWN.value, *([EffectState.BEGUN.value] if begun else [])]
    may = EFFECTS.c.state.in_(states)
    async with store.changing() as connection:
        changed = await connection.execute(update(EFFECTS).where(EFFECTS.c.key == key, may).values(**values))
        found = (await connection.execute(select(EFFECTS).where(EFFECTS.c.key == key))).one_or_none()
    if found is None:
        raise UnknownEffect(key)
    (record,) = _records([found])
    if not changed.rowcount:
        raise OutcomeKnown(key, record.state)
    return record


def _records(rows: Sequence[Any]) -> list[EffectRecord]:
    return [_record(row) for row in rows]


def _record(row: Any) -> EffectRecord:
    fields = {name: getattr(row, name) for name in EffectRecord.__struct_fields__}
    try:
        return EffectRecord(**{**fields, "state": EffectState(row.state)})
    except ValueError as invalid:
        raise StoreDamaged(f"the store is damaged: {invalid}") from None
