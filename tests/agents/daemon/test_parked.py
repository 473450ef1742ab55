"""A daemon that is killed while a turn is parked, and while it starts the agent of one."""

import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from agents.client import Client
from agents.core.events import Event, StreamApprovalDecided, StreamApprovalRequired, StreamComplete, StreamToolResult
from agents.rehearsal import RehearsalServer, builtin, parse
from tests.agents.daemon.daemons import Daemon, daemon
from tests.agents.daemon.guarded_tools import BUYER
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(180)

CONFIG = """
[{understudy, [{sessions, [{park_after, 1}]},
    {agents, [[{id, "shop"}, {model, "buyer"}, {tools, ["tests.agents.daemon.guarded_tools:pays"]}]]}]}].
"""


@pytest.fixture
async def server() -> AsyncIterator[RehearsalServer]:
    async with RehearsalServer(builtin() | parse(BUYER, "parked")) as running:
        yield running


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "sys.config").write_text(CONFIG)
    return str(tmp_path / "sys.config")


async def killed(running: Daemon) -> None:
    running.signal(signal.SIGKILL)
    await running.ended()


async def waiting(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get("/approvals"))["approvals"]
    return found


async def until_parked(client: Client) -> list[dict[str, Any]]:
    return await eventually(
        lambda: waiting(client), lambda found: found and all(each["parked"] for each in found), what="parked turns"
    )


async def begin(client: Client, message: str) -> list[Event]:
    """Begin a turn of a conversation, and return its events until its calls wait."""
    session = (await client.post("/agents/shop/conversations", {"name": "one"}))["session_id"]
    events: list[Event] = []
    async with aclosing(client.ask(session, message, stream_id="s")) as stream:
        async for event in stream:
            events.append(event)
            if sum(isinstance(each, StreamApprovalRequired) for each in events) == 3:
                break
    return events


async def test_a_kill_while_parked_and_a_kill_right_after_a_decision_lose_nothing(
    server: RehearsalServer, folder: Path, tmp_path: Path, config: str
) -> None:
    paid = tmp_path / "paid"
    async with daemon(server, folder, "--config", config) as first, first.client() as client:
        seen = await begin(client, str(paid))
        parked = await until_parked(client)
        await killed(first)
    async with daemon(server, folder, "--config", config) as second, second.client() as client:
        assert await waiting(client) == [
            {**each, "expires_in_s": pytest.approx(each["expires_in_s"], abs=90)} for each in parked
        ]
        assert [agent["id"] for agent in (await client.get("/agents"))["agents"]] == ["shop"]
        one, two, three = [each["tool_call"]["id"] for each in parked]
        await client.post("/streams/s/approve", {"call_id": two})
        await killed(second)
    async with daemon(server, folder, "--config", config) as third, third.client() as client:
        rest: list[Event] = []
        async for event in client.events("s", seen[-1].seq):
            rest.append(event)
            if isinstance(event, StreamToolResult) and event.tool_call.id == two:
                await client.post("/streams/s/deny", {"call_id": one})
                await client.post("/streams/s/approve", {"call_id": three})
        decided = {(each.tool_call.id, each.decision) for each in rest if isinstance(each, StreamApprovalDecided)}
        assert decided == {(one, "denied"), (two, "approved"), (three, "approved")}
        results = {each.tool_call.id: each.result for each in rest if isinstance(each, StreamToolResult)}
        assert (results[one].error, results[three].error) == ("denied", None)
        assert results[two].error in (None, "unknown")  # unknown: the kill cut it after its claim
        end = rest[-1]
        assert isinstance(end, StreamComplete)
        assert end.response.answer == f"error: denied, {results[two].content}, paid 3"
        payments = paid.read_text().split("\n")
        assert payments.count("paid 3") == 1
        assert payments.count("paid 2") == 1 or (payments.count("paid 2") == 0 and results[two].error == "unknown")
        assert await third.stopped() == 0
