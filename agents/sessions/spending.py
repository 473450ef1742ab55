"""The sums of all charges in a store, by owner, agent, model, session or day."""

from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, case, func, select, type_coerce
from sqlalchemy.types import NullType

from agents.core.calendar import DAY_S
from agents.sessions.ledger_tables import CHARGES
from agents.sessions.reading import Reading

DAY_US: Final = DAY_S * 1_000_000
EPOCH: Final = date(1970, 1, 1)
DAY: Final = type_coerce(CHARGES.c.at, BigInteger) / DAY_US  # whole days: both databases divide integers so
BY: Final[dict[str, ColumnElement[Any]]] = {
    "owner": CHARGES.c.owner,
    "agent": CHARGES.c.agent,
    "model": CHARGES.c.model,
    "session": CHARGES.c.root_session,
    "day": func.floor(DAY),
}


def summed(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the sum of a column, or 0. PostgreSQL gives a Decimal for whole numbers."""
    return type_coerce(func.coalesce(func.sum(value), 0), NullType())


COST: Final = summed(CHARGES.c.cost)
CALLS: Final = func.coalesce(CHARGES.c.calls, 1)  # a row of old charges sums up several
SUMS: Final = (
    summed(CALLS),
    *map(summed, (CHARGES.c.input_tokens, CHARGES.c.output_tokens, CHARGES.c.cached_tokens)),
    COST,
    summed(case((CHARGES.c.cost.is_(None), CALLS), else_=0)),
    summed(CHARGES.c.estimated),
)
MOST: Final = 10_000


async def spending(
    store: Reading, by: str, *, owner: str | None = None, since: datetime | None = None, limit: int = MOST
) -> list[tuple[str | None, int, int, int, int, float, int, int]]:
    """Return the sums with one of the keys of BY, the largest first, or the days in their order.

    The values of a row are those of SpentSum in the contract. owner: only this user's charges. since: only later ones.
    """
    key = BY[by].label("key")
    wanted = select(key, *SUMS).group_by(key).limit(limit)
    wanted = wanted.order_by(key) if by == "day" else wanted.order_by(COST.desc(), SUMS[1].desc(), key)
    if owner is not None:
        wanted = wanted.where(CHARGES.c.owner == owner)
    if since is not None:
        wanted = wanted.where(CHARGES.c.at >= since)
    rows: Any = await store.rows(wanted)
    return [(_key(by, row[0]), *map(int, row[1:5]), float(row[5]), *map(int, row[6:])) for row in rows]  # type: ignore[misc]


def _key(by: str, value: Any) -> str | None:
    if by == "day":
        return (EPOCH + timedelta(days=int(value))).isoformat()
    return None if value is None else str(value)
