"""The ledger of effects, as people read and settle it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from sqlalchemy import delete, exists, func, select, text, tuple_, update

from agents.core.ledger import EffectState
from agents.core.outcome import DidNotHappen, Happened, Outcome
from agents.sessions.columns import Instant
from agents.sessions.errors import OutcomeKnown, StoreDamaged, UnknownEffect
from agents.sessions.ledger_tables import EFFECTS, UNKNOWN
from agents.sessions.payload import keepable
from agents.sessions.reading import Reading
from agents.sessions.records import StreamStatus
from agents.sessions.side_records import EffectRecord
from agents.sessions.tables import STREAMS

if TYPE_CHECKING:
    from agents.sessions.store import Store


KNOWN: Final = (EffectState.DONE.value, EffectState.FAILED.value)
GROUP: Final = 500
"""The effects of one deletion. The journal's writes wait for it."""
_KNOWN_AT: Final = func.coalesce(EFFECTS.c.settled_at, EFFECTS.c.ended_at, EFFECTS.c.intended_at, type_=Instant())
_RUNS: Final = exists().where(STREAMS.c.id == EFFECTS.c.stream_id, STREAMS.c.status == StreamStatus.OPEN.value)


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
    """Return the effect with this key. Raises StoreUnavailable.

    The index has the unknown ones. For another one this reads the whole ledger.
    """
    if not keepable(key):
        return None
    wanted = select(EFFECTS).where(EFFECTS.c.key == key)
    rows = await store.rows(wanted.where(text(UNKNOWN))) or await store.rows(wanted)
    return next(iter(_records(rows)), None)


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
    if (before := await effect(store, key)) is None:
        raise UnknownEffect(key)
    now = datetime.now(UTC)
    state = EffectState.DONE if isinstance(outcome, Happened) else EffectState.FAILED
    error = "no_effect" if isinstance(outcome, DidNotHappen) else None
    values: dict[str, Any] = {"state": state.value, "error": error, "outcome": outcome, "ended_at": now}
    values |= {"settled_at": now, "settled_by": by, "note": note}
    states = [EffectState.UNKNOWN.value, *([EffectState.BEGUN.value] if begun else [])]
    this, may = (EFFECTS.c.session_id == before.session_id, EFFECTS.c.key == key), EFFECTS.c.state.in_(states)
    async with store.changing() as connection:
        changed = await connection.execute(update(EFFECTS).where(*this, may).values(**values))
        found = (await connection.execute(select(EFFECTS).where(*this))).one_or_none()
    if found is None:
        raise UnknownEffect(key)
    (record,) = _records([found])
    if not changed.rowcount:
        raise OutcomeKnown(key, record.state)
    return record


async def forget(store: "Store", before: datetime) -> int:
    """Delete the effects whose outcome has been known since before this time, and return their number.

    Those of a turn that is not over stay: it may read them. This reads the whole ledger, page by page. Raises
    StoreUnavailable, WriteFailed.
    """
    place, primary, count = ("", ""), (EFFECTS.c.session_id, EFFECTS.c.key), 0
    old = EFFECTS.c.state.in_(KNOWN), before > _KNOWN_AT, ~_RUNS
    while True:
        wanted = select(*primary).where(*old, tuple_(*primary) > place).order_by(*primary).limit(GROUP)
        if not (rows := await store.rows(wanted)):
            return count
        page = [(row.session_id, row.key) for row in rows]
        place, gone = page[-1], delete(EFFECTS).where(*old, tuple_(*primary).in_(page))
        count += await store.as_writer(lambda connection, gone=gone: connection.execute(gone).rowcount)  # type: ignore[misc]


def _records(rows: Sequence[Any]) -> list[EffectRecord]:
    return [_record(row) for row in rows]


def _record(row: Any) -> EffectRecord:
    fields = {name: getattr(row, name) for name in EffectRecord.__struct_fields__}
    try:
        return EffectRecord(**{**fields, "state": EffectState(row.state)})
    except ValueError as invalid:
        raise StoreDamaged(f"the store is damaged: {invalid}") from None
