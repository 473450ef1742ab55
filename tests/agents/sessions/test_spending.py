"""The sums of charges in the store, by each of their properties."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from sqlalchemy import text

from agents.cli.sessions.spend import spend
from agents.core.charge import Charge, Payer
from agents.sessions import Store, history
from agents.sessions.charges import raised_at
from agents.sessions.side_records import Allowance, Charged
from agents.sessions.spending import BY, spending
from tests.agents.gateway.users import ANN, BOB, house
from tests.agents.sessions.keeping import AT, batch, begun, ended, session, stream


def charged(number: int, owner: str | None, cost: float | None, *, day: int = 0, **payer: str) -> Charged:
    parties = {"agent": "clerk", "session_id": "s", "stream_id": "t", "root_session": "s", "root_stream": "t"}
    charge = Charge("model", 100, 10, 50, cost, estimated=cost is None)
    return Charged(number, Payer(owner, **{**parties, **payer}), charge, AT + timedelta(days=day))


SOME = [
    charged(1, "ann", 0.5),
    charged(2, "ann", 0.25, day=1, session_id="below", agent="helper"),
    charged(3, "bob", None, day=2, root_session="other"),
    charged(4, None, 1.0, day=2),
]


@pytest.fixture
async def spent(store: Store) -> Store:
    await store.claim()
    await store.write(replace(batch(), charges=SOME))
    return store


def keys(rows: Sequence[Sequence[object]]) -> dict[object, tuple[object, object]]:
    """Return the number of calls and the cost, by key."""
    return {row[0]: (row[1], row[5]) for row in rows}


async def test_charges_are_summed_by_each_of_their_properties(spent: Store) -> None:
    assert keys(await spending(spent, "owner")) == {None: (1, 1.0), "ann": (2, 0.75), "bob": (1, 0.0)}
    assert keys(await spending(spent, "agent")) == {"clerk": (3, 1.5), "helper": (1, 0.25)}
    assert keys(await spending(spent, "model")) == {"model": (4, 1.75)}
    assert keys(await spending(spent, "session")) == {"s": (3, 1.75), "other": (1, 0.0)}
    days = {"2026-01-02": (1, 0.5), "2026-01-03": (1, 0.25), "2026-01-04": (2, 1.0)}
    assert list(keys(await spending(spent, "day")).items()) == list(days.items())
    assert (await spending(spent, "owner", owner="bob")) == [("bob", 1, 100, 10, 50, 0.0, 1, 1)]
    later = AT + timedelta(days=2)
    assert keys(await spending(spent, "owner", since=later)) == {None: (1, 1.0), "bob": (1, 0.0)}


async def test_the_last_amount_that_a_person_added_is_known_by_count(spent: Store) -> None:
    names = ["owner/total/0/ann", "owner/total/0/ann", "turn/total/0/t/1"]
    added = [
        Allowance(5 + place, "s", name, "cost", 1.0, AT + timedelta(days=place)) for place, name in enumerate(names)
    ]
    await spent.write(replace(batch(), charges=added))
    found = await raised_at(spent, [*names, "owner/total/0/bob"])
    assert found == {names[0]: added[1].at.timestamp(), names[2]: added[2].at.timestamp()}
    assert await raised_at(spent, []) == {}


async def test_a_deleted_session_has_still_been_paid_for(spent: Store) -> None:
    await spent.write(batch([session("s")]))
    await history.delete(spent, "s")
    assert keys(await spending(spent, "session"))["s"] == (3, 1.75)


async def test_the_turns_of_an_older_store_are_charged_once(url: str) -> None:
    store = await Store.open(url)
    await store.claim()
    await store.write(begun())
    await store.write(batch(ended=[ended("t")]))
    below = replace(session("below", owner="ann"), parent_id="s", parent_call="c")
    await store.write(batch([below], [stream("u", "below")], ended=[ended("u", "below")]))
    async with store.changing() as connection:  # as the previous step left it
        for table in ("deliveries", "effects", "waiting", "grants", "charges", "allowances"):
            await connection.execute(text(f"DROP TABLE {table}"))
        await connection.execute(text("ALTER TABLE streams DROP COLUMN parked_at"))
        await connection.execute(text("UPDATE alembic_version SET version_num = '0011'"))
    await store.close()
    for _ in range(2):
        store = await Store.open(url)
        assert await spending(store, "session") == [("s", 2, 6, 10, 0, 0.5, 0, 0)]
        assert keys(await spending(store, "owner")) == {None: (1, 0.25), "ann": (1, 0.25)}
        assert keys(await spending(store, "model")) == {None: (2, 0.5)}
        await store.close()


async def test_a_user_sees_the_own_figures_and_an_admin_all(tmp_path: Path) -> None:
    async with (
        house([ANN, BOB], tmp_path / "state" / "sessions.db") as of,
        of.client(ANN) as ann,
        of.client(BOB) as bob,
    ):
        admin = of.site
        for client, id_ in ((ann, "a1"), (bob, "b1"), (bob, "b2")):
            await client.json("POST", "/agents", {"id": id_, "model": "echo"})
            assert (await client.json("POST", f"/agents/{id_}/chat", {"message": "one"}))[0] == 200
        for client, seen in ((ann, {"a1"}), (bob, {"b1", "b2"}), (admin, {"a1", "b1", "b2"})):
            status, report = await client.json("GET", "/spend?by=session")
            assert (status, report["by"]) == (200, "session")
            assert {each["key"] for each in report["spend"]} == seen
        today = datetime.now(UTC).date().isoformat()
        (by_day,) = (await admin.json("GET", f"/spend?since={today}"))[1]["spend"]
        assert (by_day["key"], by_day["model_calls"], by_day["unpriced"]) == (today, 3, 3)
        assert (await admin.json("GET", "/spend?since=2999-01-01"))[1]["spend"] == []
        assert (await admin.json("GET", "/spend?by=moon"))[0] == 422


async def test_the_command_shows_each_sum(spent: Store) -> None:
    where = spent.url.render_as_string(hide_password=False)
    for by in BY:
        command = ["--by", by, "--json", "--store", where]
        shown = await asyncio.to_thread(CliRunner().invoke, spend, command)
        assert shown.exit_code == 0, shown.output
        found = {
            each["key"]: (each["model_calls"], each["cost"]) for each in map(json.loads, shown.output.splitlines())
        }
        assert found == keys(await spending(spent, by))
    shown = await asyncio.to_thread(CliRunner().invoke, spend, ["--by", "owner", "--store", where])
    assert " ".join(shown.output.splitlines()[-1].split()) == "bob 1 100 10 0.0000 1 without a price, 1 estimated"
