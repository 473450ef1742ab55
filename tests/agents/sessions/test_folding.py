"""Old charges are folded into few rows, and no sum that a budget or `understudy spend` reads changes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import func, select, text

from agents.core.budget import BudgetCount, BudgetOf, Per
from agents.core.calendar import day_of, month_of
from agents.core.charge import Charge, Payer
from agents.sessions import Store, folding
from agents.sessions.charges import session_totals, sums
from agents.sessions.folding import fold
from agents.sessions.ledger_tables import CHARGES
from agents.sessions.side_records import Charged
from agents.sessions.spending import BY, spending
from tests.agents.sessions.keeping import AT, batch, ended, session, stream

LATER = AT + timedelta(days=400)
OWNERS, AGENTS, MODELS = ("ann", "bob", None), ("clerk", "helper"), ("small", "large")
SESSIONS = ("s1", "s1"), ("below", "s1"), ("s2", "s2"), ("s3", "s3")
DAYS = (0, 1, 29, 30, 31, 60)


def charges(count: int, seed: int) -> list[Charged]:
    """Return charges of all kinds. Several have the same day, session, agent and model."""
    random, made = Random(seed), list[Charged]()
    for number in range(1, count + 1):
        own, root = random.choice(SESSIONS)
        at = AT + timedelta(days=random.choice(DAYS), seconds=random.randrange(70_000))
        cost = random.choice((None, random.random()))
        spent = Charge(random.choice(MODELS), random.randrange(1000), random.randrange(100), 7, cost, cost is None)
        payer = Payer(random.choice(OWNERS), random.choice(AGENTS), own, f"t{number}", root, f"t{number}")
        made.append(Charged(number, payer, spent, at))
    return made


async def all_sums(store: Store, epoch: int) -> list[Any]:
    """Return everything that budgets and people read of the charges, and the places of costs among them."""
    found: list[Any] = []
    for by, owner, since in product(BY, (None, "ann"), (None, begin(AT + timedelta(days=30)))):
        found += sorted(await spending(store, by, owner=owner, since=since), key=repr)
    for of, parties in ((BudgetOf.OWNER, OWNERS[:2]), (BudgetOf.AGENT, AGENTS), (BudgetOf.SESSION, ("s1", "s2", "s3"))):
        for party, day in product(parties, DAYS):
            unix_s = (AT + timedelta(days=day)).timestamp()
            for per, first in ((Per.TOTAL, 0), (Per.DAY, day_of(unix_s)), (Per.MONTH, month_of(unix_s))):
                count = BudgetCount(of, party, per, first)
                for more in ({"until": 10**6}, {}):
                    one = await sums(store, count, epoch=epoch, **more)
                    found.append((one.tokens, one.cost))
    for own, root in SESSIONS:
        total = await session_totals(store, own, root)
        found.append((total.tokens, total.cost))
    return found


def begin(time: datetime) -> datetime:
    return datetime(time.year, time.month, time.day, tzinfo=UTC)


def approximate(found: Sequence[Any]) -> list[Any]:
    return [tuple(pytest.approx(each) if isinstance(each, float) else each for each in row) for row in found]


async def rows(store: Store) -> int:
    ((count,),) = await store.rows(select(func.count()).select_from(CHARGES))
    return int(count)


def kind(charged: Charged) -> tuple[Any, ...]:
    """Return what a row has in common with those that are folded into it, within one epoch."""
    payer, charge = charged.payer, charged.charge
    parties = payer.owner, payer.agent, payer.session_id, payer.root_session
    return charged.at.date(), *parties, charge.model, charge.cost is None


async def folded(store: Store, before: datetime) -> int:
    """Fold until nothing is left to fold, and return the number of charges."""
    count = 0
    while some := await fold(store, before):
        count += some
    return count


@pytest.mark.parametrize("group", [1, 3, 20])
async def test_no_sum_changes_and_few_rows_remain(store: Store, monkeypatch: pytest.MonkeyPatch, group: int) -> None:
    monkeypatch.setattr(folding, "GROUP", group)
    await store.write(replace(batch(), charges=charges(300, seed=1)))
    earlier = store.epoch
    await store.close()
    again = await Store.open(store.url)
    await again.claim()
    try:
        await again.write(replace(batch(), charges=charges(200, seed=2)))
        before = [await all_sums(again, epoch) for epoch in (earlier, again.epoch)]
        assert await folded(again, LATER) == 500
        after = [await all_sums(again, epoch) for epoch in (earlier, again.epoch)]
        assert after == [approximate(each) for each in before]
        kinds = {(epoch, kind(each)) for epoch, made in enumerate((charges(300, 1), charges(200, 2))) for each in made}
        assert await rows(again) == len(kinds) < 450
        assert await folded(again, LATER) == 0
    finally:
        await again.close()


async def test_a_session_has_one_row_for_each_day_model_and_epoch(store: Store) -> None:
    payer = Payer("ann", "clerk", "s", "t", "s", "t")
    made = [
        Charged(number, payer, Charge("small", 10, 1, cost=0.5), AT + timedelta(days=day, seconds=number))
        for number, day in enumerate([0] * 40 + [1] * 60, 1)
    ]
    await store.write(replace(batch(), charges=made))
    assert await folded(store, LATER) == 100
    assert await rows(store) == 2
    assert [row[:2] for row in await spending(store, "day")] == [("2026-01-02", 40), ("2026-01-03", 60)]


async def test_charges_of_the_day_itself_and_later_ones_stay_as_they_are(store: Store) -> None:
    await store.write(replace(batch(), charges=charges(200, seed=3)))
    recent = [each for each in charges(200, seed=3) if each.at >= begin(AT + timedelta(days=30))]
    assert await folded(store, AT + timedelta(days=30)) == 200 - len(recent)
    single = await store.rows(select(CHARGES.c.number).where(CHARGES.c.calls.is_(None)).order_by(CHARGES.c.number))
    assert [number for (number,) in single] == [each.number for each in recent]


async def test_charges_of_a_turn_stay_single_until_it_is_over(store: Store) -> None:
    payer = Payer("ann", "clerk", "s", "t", "s", "t")
    below = Payer("ann", "helper", "below", "u", "s", "t")
    made = [Charged(number, each, Charge("small", 10, 1), AT) for number, each in enumerate((payer, below) * 3, 1)]
    await store.write(replace(batch([session("s")], [stream("t")]), charges=made))
    of_turn = BudgetCount(BudgetOf.TURN, "t", Per.TOTAL, 0)
    assert await folded(store, LATER) == 0
    assert (await sums(store, of_turn, epoch=store.epoch, until=6)).tokens == 66
    await store.write(batch(ended=[ended("t")]))
    assert await folded(store, LATER) == 6
    assert await rows(store) == 2


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # a server reads a small table as a whole
async def test_the_search_for_old_charges_and_for_an_unknown_effect_reads_an_index(store: Store) -> None:
    plans = {
        "SELECT at FROM charges WHERE calls IS NULL AND at < 5 ORDER BY at LIMIT 1": "ix_charges_at",
        "SELECT * FROM effects WHERE key = 'k' AND state = 'unknown'": "ix_effects_key",
    }
    async with store.engine.connect() as connection:
        for query, index in plans.items():
            found = (await connection.execute(text(f"EXPLAIN QUERY PLAN {query}"))).all()
            assert index in found[0][3]
