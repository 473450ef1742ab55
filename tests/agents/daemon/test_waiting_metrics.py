"""The metrics of what waits for people, in turns that run and in parked ones."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from agents.client import Client
from agents.core.events import StreamApprovalRequired
from agents.core.waiting import WaitSum
from agents.daemon.scrape import MAX_NAMES, waiting_by_name
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.telemetry.measurements import OTHER
from tests.agents.daemon.daemons import Daemon, daemon
from tests.agents.daemon.guarded_tools import BUYER
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(180)

CONFIG = """
[{understudy, [{sessions, [{park_after, PARK}]},
    {agents, [[{id, "shop"}, {name, "clerk"}, {model, "buyer"},
        {tools, ["tests.agents.daemon.guarded_tools:pays", ask_user]}]]}]}].
"""
ASKS = """
[models.buyer]
[[models.buyer.turns]]
match = "Ask."
[[models.buyer.turns.steps]]
tool_calls = [{ name = "ask_user", arguments = { question = "Which colour?" } }]
[[models.buyer.turns.steps]]
text = "{result:0}"
"""
Waiting = dict[tuple[str, str, str], float]


@pytest.fixture
async def server() -> AsyncIterator[RehearsalServer]:
    script = ASKS + BUYER.replace("[models.buyer]", "", 1)
    async with RehearsalServer(builtin() | parse(script, "waiting")) as running:
        yield running


def configured(folder: Path, park_after: str) -> str:
    (folder / "sys.config").write_text(CONFIG.replace("PARK", park_after))
    return str(folder / "sys.config")


async def families_of(running: Daemon) -> dict[str, list[Sample]]:
    token = {"Authorization": f"Bearer {running.token}"}
    async with aiohttp.request("GET", f"{running.url}/metrics", headers=token) as answer:
        assert answer.status == 200
        return {each.name: each.samples for each in text_string_to_metric_families(await answer.text())}


async def scraped(running: Daemon) -> tuple[Waiting, Waiting]:
    """Return the numbers and the ages of what waits, by agent, kind and parked."""
    families = await families_of(running)
    names = "understudy_decisions_waiting", "understudy_decisions_waiting_seconds"
    counts, ages = (
        {(each.labels["agent"], each.labels["kind"], each.labels["parked"]): each.value for each in families[name]}
        for name in names
    )
    return counts, ages


async def begin(client: Client, message: str) -> None:
    """Begin a turn of a conversation of its own, up to its first call that waits."""
    session = (await client.post("/agents/shop/conversations", {"name": message}))["session_id"]
    async with aclosing(client.ask(session, message)) as stream:
        async for event in stream:
            if isinstance(event, StreamApprovalRequired):
                return


async def until(running: Daemon, expected: Waiting) -> Waiting:
    """Wait for these numbers. Return the ages of then."""
    found = await eventually(lambda: scraped(running), lambda seen: seen[0] == expected, what=str(expected))
    return found[1]


async def decide_all(client: Client) -> None:
    for call in (await client.get("/approvals"))["approvals"]:
        if call["kind"] == "question":
            await client.post(
                f"/streams/{call['stream_id']}/answer", {"call_id": call["tool_call"]["id"], "answer": "red"}
            )
        else:
            await client.post(f"/streams/{call['stream_id']}/approve", {"call_id": call["tool_call"]["id"]})


@pytest.mark.parametrize(("park_after", "parked"), [("undefined", "false"), ("1", "true")])
async def test_each_decision_is_counted_by_agent_and_kind_with_the_age_of_the_oldest(
    server: RehearsalServer, folder: Path, tmp_path: Path, park_after: str, parked: str
) -> None:
    arguments = "--config", configured(tmp_path, park_after)
    async with daemon(server, folder, *arguments) as running, running.client() as client:
        assert await scraped(running) == ({}, {})
        await begin(client, str(tmp_path / "paid"))
        await begin(client, "Ask.")
        ages = await until(running, {("clerk", "approval", parked): 3, ("clerk", "question", parked): 1})
        oldest = min(each["asked_at"] for each in (await client.get("/approvals"))["approvals"])
        assert all(0 <= age < 120 for age in ages.values())
        assert max(ages.values()) >= 0 < oldest
        await decide_all(client)
        await until(running, {})
        assert await running.stopped() == 0


async def test_messages_that_wait_for_the_turn_before_them_are_counted(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    async def messages() -> float:
        return (await families_of(running))["understudy_messages_waiting"][0].value

    arguments = "--config", configured(tmp_path, "undefined"), "--set", "daemon.drain_time=1"  # the later turn waits
    async with daemon(server, folder, *arguments) as running, running.client() as client:
        session = (await client.post("/agents/shop/conversations", {"name": "x"}))["session_id"]
        async with aclosing(client.ask(session, "Ask.")) as stream:
            while not isinstance(await anext(stream), StreamApprovalRequired):
                pass
            assert await messages() == 0
            later = asyncio.ensure_future(anext(client.ask(session, "Ask.")))
            await eventually(messages, lambda count: count == 1, what="one message that waits")
            await decide_all(client)
            await later
            assert await messages() == 0
        assert await running.stopped() == 0


async def test_a_scrape_answers_without_parked_turns_while_the_store_can_not_be_read(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    async with daemon(server, folder, "--config", configured(tmp_path, "1")) as running, running.client() as client:
        await begin(client, "Ask.")
        await until(running, {("clerk", "question", "true"): 1})
        with sqlite3.connect(folder / "sessions.db") as other:
            other.execute("ALTER TABLE waiting RENAME TO away")
        await until(running, {})
        with sqlite3.connect(folder / "sessions.db") as other:
            other.execute("ALTER TABLE away RENAME TO waiting")
        await until(running, {("clerk", "question", "true"): 1})
        assert await running.stopped() == 0


def test_names_beyond_the_limit_are_counted_as_one_with_the_oldest_of_them() -> None:
    parked = [WaitSum(f"agent{number}", "approval", 2, 100.0 + number) for number in range(MAX_NAMES + 2)]
    counts, oldest = waiting_by_name([WaitSum("agent0", "approval", 1, 50.0)], parked)
    assert counts[OTHER, "approval", "true"] == 4
    assert oldest[OTHER, "approval", "true"] == 100.0 + MAX_NAMES
    assert (counts["agent0", "approval", "true"], counts["agent0", "approval", "false"]) == (2, 1)
    assert len(counts) == MAX_NAMES + 2
