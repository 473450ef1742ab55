"""The sums of the charges and allowances that one budget counts."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import ColumnElement, and_, func, select

from agents.core.budget import BudgetCount, BudgetOf
from agents.core.charge import Totals
from agents.sessions.ledger_tables import ALLOWANCES, CHARGES
from agents.sessions.reading import Reading
from agents.sessions.spending import summed

PARTY: Final = {
    BudgetOf.OWNER: CHARGES.c.owner,
    BudgetOf.AGENT: CHARGES.c.agent,
    BudgetOf.SESSION: CHARGES.c.root_session,
    BudgetOf.TURN: CHARGES.c.root_stream,
}


class Sums(Struct, frozen=True):
    """The sums of one count. allowed: what persons have added to budgets of it, by unit."""

    tokens: int
    cost: float
    allowed: dict[str, float]


async def session_totals(store: Reading, session_id: str, root_session: str) -> Totals:
    """Return the sum of a session's charges, without those of its sub-agents. root_session: as in Payer."""
    wanted = select(summed(CHARGES.c.input_tokens + CHARGES.c.output_tokens), summed(CHARGES.c.cost)).where(
        CHARGES.c.root_session == root_session, CHARGES.c.session_id == session_id
    )
    spent: Any = (await store.rows(wanted))[0]
    return Totals(int(spent[0]), float(spent[1]))


async def sums(store: Reading, count: BudgetCount, *, epoch: int, until: int | None = None) -> Sums:
    """Return the sums of one journal's charges, or without `until` those of all others.

    epoch: of the journal. until: the number of its last charge that counts.
    """

    def mine(table: Any) -> ColumnElement[bool]:
        return table.c.epoch != epoch if until is None else and_(table.c.epoch == epoch, table.c.number <= until)

    wanted = select(summed(CHARGES.c.input_tokens + CHARGES.c.output_tokens), summed(CHARGES.c.cost)).where(
        PARTY[count.of] == count.party, CHARGES.c.at >= datetime.fromtimestamp(count.since_s, UTC), mine(CHARGES)
    )
    allowed = select(ALLOWANCES.c.unit, func.sum(ALLOWANCES.c.amount)).where(
        ALLOWANCES.c.count == count.name, mine(ALLOWANCES)
    )
    spent: Any = (await store.rows(wanted))[0]
    added: Any = await store.rows(allowed.group_by(ALLOWANCES.c.unit))
    return Sums(int(spent[0]), float(spent[1]), {unit: float(amount) for unit, amount in added})


async def raised_at(store: Reading, counts: Collection[str]) -> dict[str, float]:
    """Return when a person last added to the budgets of each count, in Unix seconds. counts: their names."""
    wanted = select(ALLOWANCES.c.count, func.max(ALLOWANCES.c.at)).where(ALLOWANCES.c.count.in_(counts))
    rows: Any = await store.rows(wanted.group_by(ALLOWANCES.c.count))
    return {count: at.timestamp() for count, at in rows}
