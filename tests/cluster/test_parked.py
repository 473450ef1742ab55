"""A parked turn in a cluster: another node decides it, also after its node was killed, and one node at its deadline."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agents.client import Client
from agents.core.events import Event, StreamApprovalDecided, StreamApprovalRequired, StreamComplete
from agents.rehearsal import RehearsalServer, parse
from tests.cluster import nodes
from tests.cluster.nodes import Cluster
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

SETTINGS = {"sessions.park_after": 1}
SCRIPT = """
[models.payer]
[[models.payer.turns]]
steps = [{ tool_calls = [{ name = "pays", arguments = { path = "{user}", euros = 3 } }] }, { text = "{result:0}" }]

[models.clerk]
turns = [{ steps = [{ text = "Done.", usage = { input_tokens = 100, output_tokens = 20 } }] }]

[models.late]
[[models.late.turns]]
[[models.late.turns.steps]]
tool_calls = [{ name = "pays_unless_denied", arguments = { path = "{user}", euros = 4 } }]
[[models.late.turns.steps]]
text = "{result:0}"
"""
TOOLS = '["tests.agents.daemon.guarded_tools:pays", "tests.agents.daemon.guarded_tools:pays_unless_denied"]'
AGENTS = f"""
     {{agents, [[{{id, "shop"}}, {{model, "payer"}}, {{tools, {TOOLS}}}],
                [{{id, "late"}}, {{model, "late"}}, {{tools, {TOOLS}}}],
                [{{id, "clerk"}}, {{model, "clerk"}}]]}}
"""


@pytest.fixture
async def provider(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RehearsalServer]:
    monkeypatch.setattr(nodes, "AGENTS", AGENTS)
    async with RehearsalServer(parse(SCRIPT, "parked")) as server:
        yield server


async def begin(client: Client, agent: str, message: str, stream_id: str) -> list[Event]:
    """Begin a turn of a conversation, and return its events until its call waits."""
    session = (await client.post(f"/agents/{agent}/conversations", {"name": stream_id}))["session_id"]
    events: list[Event] = []
    async for event in client.ask(session, message, stream_id=stream_id):
        events.append(event)
        if isinstance(event, StreamApprovalRequired):
            break
    return events


async def until_parked(client: Client) -> dict[str, Any]:
    async def first() -> list[dict[str, Any]]:
        return list((await client.get("/approvals"))["approvals"])

    return (await eventually(first, lambda found: found and found[0]["parked"], what="a parked turn"))[0]


async def test_another_node_decides_about_a_parked_turn_after_its_node_was_killed(
    cluster: Cluster, tmp_path: Path
) -> None:
    paid = tmp_path / "paid"
    one, two = await cluster.start("one", "two")
    async with cluster.client(one) as first, cluster.client(two) as second:
        seen = await begin(first, "shop", str(paid), "s")
        waiting = await until_parked(second)
        reads = asyncio.create_task(_rest(second, seen[-1].seq))
        await one.kill()
        await second.post("/streams/s/approve", {"call_id": waiting["tool_call"]["id"]})
        rest = await reads
    end = rest[-1]
    assert isinstance(end, StreamComplete)
    assert end.response.answer == "paid 3"
    assert paid.read_text() == "paid 3\n"
    assert [event.seq for event in rest] == list(range(seen[-1].seq + 1, end.seq + 1))


async def test_each_node_reports_the_same_parked_turns_in_its_metrics(
    cluster: Cluster, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    one, two = await cluster.start("one", "two")
    async with cluster.client(one) as first:
        await begin(first, "shop", str(tmp_path / "paid"), "s")
        await until_parked(first)
    labels = 'agent="shop",kind="approval",parked="true"'
    for node in (one, two):
        headers = {"Authorization": f"Bearer {cluster.token}"}
        async with http.get(f"{node.url}/metrics", headers=headers) as answer:
            shown = [line for line in (await answer.text()).splitlines() if line.startswith("understudy_decisions")]
        assert [line.split(" ")[0] for line in shown] == [
            f"understudy_decisions_waiting{{{labels}}}",
            f"understudy_decisions_waiting_seconds{{{labels}}}",
        ]
        assert shown[0].endswith(" 1.0")


async def test_one_node_decides_at_the_deadline(cluster: Cluster, tmp_path: Path) -> None:
    paid = tmp_path / "paid"
    one, two = await cluster.start("one", "two")
    async with cluster.client(one) as first, cluster.client(two) as second:
        seen = await begin(first, "late", str(paid), "s")
        rest = await _rest(second, seen[-1].seq)
    assert [(each.decision, each.by) for each in rest if isinstance(each, StreamApprovalDecided)] == [
        ("approved", None)
    ]
    assert paid.read_text() == "paid 4\n"


async def test_another_node_decides_about_a_parked_budget_and_counts_the_amount_once(cluster: Cluster) -> None:
    budget = '[#{agent => "clerk", tokens => 10}]'
    one, two = await cluster.start("one", "two", own={"budgets": budget})
    async with cluster.client(one) as first, cluster.client(two) as second:
        seen = await begin(first, "clerk", "Go on.", "s")
        waiting = await until_parked(second)
        assert waiting["kind"] == "budget"
        await one.kill()
        body = {"call_id": waiting["tool_call"]["id"], "edited": '{"allow": 10000}'}
        await second.post("/streams/s/approve", body)
        rest = await _rest(second, seen[-1].seq)
    assert isinstance(rest[-1], StreamComplete)
    assert [each.decision for each in rest if isinstance(each, StreamApprovalDecided)] == ["approved"]
    assert await cluster.database.rows("SELECT count(*), sum(amount) FROM allowances") == [(1, 10_000.0)]
    assert await cluster.database.rows("SELECT count(*), sum(estimated) FROM charges") == [(1, 0)]


async def _rest(client: Client, after: int) -> list[Event]:
    return [event async for event in client.events("s", after)]
