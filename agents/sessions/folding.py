"""Old charges, folded: one row for the model calls of a session in a day, in place of one for each.

A folded row has the day, the owner, the agent, the model, the session and the session that called first. So it counts
to the same budgets of owners, agents and sessions, and to the same sums of `understudy spend`. It has no stream: only
the budgets of a turn count by that, so the charges of a turn that is not over stay as they are.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import fsum
from typing import Any, Final

from sqlalchemy import bindparam, delete, exists, select, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import NullType

from agents.core.calendar import day_of
from agents.sessions.columns import EPOCH
from agents.sessions.ledger_tables import CHARGES
from agents.sessions.records import StreamStatus
from agents.sessions.store import Store
from agents.sessions.tables import STREAMS

GROUP: Final = 20
"""The sessions of one transaction, at most. The journals' writes wait for it."""

DAY: Final = timedelta(days=1)
_KEY: Final = [
    type_coerce(CHARGES.c[name], NullType()).label(name)
    for name in ("epoch", "owner", "agent", "model", "session_id", "root_session")
]
_SUMMED: Final = [CHARGES.c[name] for name in ("input_tokens", "output_tokens", "cached_tokens", "estimated")]
_RUNS: Final = exists().where(STREAMS.c.id == CHARGES.c.root_stream, STREAMS.c.status == StreamStatus.OPEN.value)
_SINGLE: Final = CHARGES.c.calls.is_(None), ~_RUNS
_THIS: Final = CHARGES.c.epoch == bindparam("its_epoch"), CHARGES.c.number == bindparam("its_number")
_REMOVE: Final = delete(CHARGES).where(*_THIS)
_FOLD: Final = update(CHARGES).where(*_THIS)


async def fold(store: Store, before: datetime) -> int:
    """Fold the oldest charges, those of up to GROUP sessions in one day, and return their number.

    before: only charges of earlier days than that of this time. Raises StoreUnavailable, WriteFailed.
    """
    limit = begin_of_day(before)
    async with store.changing() as connection:
        oldest = select(CHARGES.c.at, CHARGES.c.root_session).where(*_SINGLE, CHARGES.c.at < limit)
        first = (await connection.execute(oldest.order_by(CHARGES.c.at).limit(GROUP))).all()
        if not first:
            return 0
        day = begin_of_day(first[0].at)
        sessions = {row.root_session for row in first if row.at < day + DAY}
        of_these = *_SINGLE, CHARGES.c.root_session.in_(sessions), CHARGES.c.at >= day, CHARGES.c.at < day + DAY
        wanted = select(*_KEY, CHARGES.c.number, *_SUMMED, CHARGES.c.cost).where(*of_these)
        found = await connection.execute(wanted.order_by(CHARGES.c.epoch, CHARGES.c.number))
        rows: Sequence[Any] = found.all()
        await _write(connection, day, rows)
    return len(rows)


def begin_of_day(time: datetime) -> datetime:
    """Return the begin of the time's day in UTC."""
    return EPOCH + timedelta(days=day_of(time.timestamp()))


async def _write(connection: AsyncConnection, day: datetime, rows: Sequence[Any]) -> None:
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        groups.setdefault((*row[: len(_KEY)], row.cost is None), []).append(row)
    for group in groups.values():
        place = {"its_epoch": group[0].epoch, "its_number": group[0].number}
        await connection.execute(_FOLD.values(at=day, stream_id="", root_stream="", **_sums(group)), place)
    if rest := [row for group in groups.values() for row in group[1:]]:
        await connection.execute(_REMOVE, [{"its_epoch": row.epoch, "its_number": row.number} for row in rest])


def _sums(group: list[Any]) -> dict[str, Any]:
    """Return the sums of charges that all have a cost, or none."""
    costs = [row.cost for row in group if row.cost is not None]
    sums = {column.name: sum(getattr(row, column.name) for row in group) for column in _SUMMED}
    return {**sums, "cost": fsum(costs) if costs else None, "calls": len(group)}
