"""The counts of budgets in memory: days and months in UTC, shares of calls under way, and what a person allows."""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.testing import simulated
from agents.budgets.counts import Counts, Reservation
from agents.core.budget import Budget, BudgetOf, OnBreach, Per, Reached
from agents.core.calendar import month_of, next_month
from agents.core.charge import Charge, Payer

PAYER = Payer("ann", "clerk", "s", "t", "s", "t")
DAILY = Budget(BudgetOf.OWNER, Per.DAY, 1.0)
MAY = datetime(2026, 5, 31, 23, 59, 59, tzinfo=UTC).timestamp()


class Clock:
    """A clock that only a test moves."""

    def __init__(self, unix_s: float) -> None:
        self.unix_s = unix_s

    def __call__(self) -> float:
        return self.unix_s


def charge(cost: float) -> Charge:
    return Charge("model", 10, 10, cost=cost)


def moment(day: int) -> datetime:
    return datetime.fromtimestamp(day * 86_400, UTC)


@given(st.integers(0, 84_000))
def test_a_month_begins_and_ends_on_a_first_day(day: int) -> None:
    at = moment(day)
    first = moment(month_of(at.timestamp()))
    assert (first.year, first.month, first.day) == (at.year, at.month, 1)
    after = moment(next_month(month_of(at.timestamp())))
    assert (after.year * 12 + after.month, after.day) == (at.year * 12 + at.month + 1, 1)


@pytest.mark.parametrize("per", [Per.DAY, Per.MONTH])
async def test_a_day_and_a_month_begin_again_at_midnight_in_utc(per: Per) -> None:
    clock, budget = Clock(MAY), Budget(BudgetOf.OWNER, per, 1.0, on_breach=OnBreach.FAIL)
    counts = Counts(None, clock)
    assert isinstance(await counts.admit(PAYER, [budget], charge(0.1)), Reservation)
    counts.charge(PAYER, charge(0.8))
    reached = await counts.admit(PAYER, [budget], charge(0.3))
    assert isinstance(reached, Reservation | Reached)
    clock.unix_s += 1.0
    assert isinstance(await counts.admit(PAYER, [budget], charge(0.3)), Reservation)


async def test_a_call_that_fits_only_after_another_one_waits_for_it() -> None:
    counts = Counts(None, Clock(MAY))
    first = await counts.admit(PAYER, [DAILY], charge(0.7))
    assert isinstance(first, Reservation)
    second = asyncio.ensure_future(counts.admit(PAYER, [DAILY], charge(0.7)))
    await asyncio.sleep(0)
    assert not second.done()
    counts.charge(PAYER, charge(0.2))
    first.release()
    assert isinstance(await second, Reservation)
    reached = await counts.admit(PAYER, [DAILY], charge(0.9))
    assert isinstance(reached, Reached)
    assert (reached.spent, reached.limit, reached.next) == (0.2, 1.0, 0.9)


async def test_what_a_person_allows_holds_for_the_day() -> None:
    clock = Clock(MAY)
    counts = Counts(None, clock)
    reached = await counts.admit(PAYER, [DAILY], charge(1.5))
    assert isinstance(reached, Reached)
    assert reached.allow == 0.5
    counts.allow(reached.count, reached.budget.unit, "s", reached.allow)
    admitted = await counts.admit(PAYER, [DAILY], charge(1.5))
    assert isinstance(admitted, Reservation)
    clock.unix_s += 1.0
    assert isinstance(await counts.admit(PAYER, [DAILY], charge(1.5)), Reached)


@simulated(seeds=1)
async def test_of_each_party_only_its_own_charges_count() -> None:
    counts = Counts(None, Clock(MAY))
    budgets = [Budget(of, Per.TOTAL, 50, tokens=True) for of in BudgetOf]
    assert isinstance(await counts.admit(PAYER, budgets, charge(0.0)), Reservation)
    for other in (Payer("bob", "x", "x", "x", "x", "x"), Payer(None, "y", "y", "y", "y", "y")):
        for _ in range(3):
            counts.charge(other, charge(0.0))
    assert isinstance(await counts.admit(PAYER, budgets, charge(0.0)), Reservation)
