"""A configured agent with a key of its own. The store keeps no key, so each start takes it from the configuration."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.client import Client
from agents.core.events import Event, StreamApprovalRequired, StreamComplete
from agents.rehearsal import RehearsalServer, builtin, parse
from tests.agents.cli.forked import understudy
from tests.agents.daemon.daemons import daemon
from tests.agents.daemon.guarded_tools import BUYER

pytestmark = pytest.mark.timeout(180)

KEY = "own-key"


@pytest.fixture
async def own() -> AsyncIterator[RehearsalServer]:
    """Run a provider that accepts only the agent's own key."""
    async with RehearsalServer(builtin() | parse(BUYER, "own keys"), api_key=KEY) as running:
        yield running


def configuration(folder: Path, own: RehearsalServer, address: str, model: str = "echo") -> Path:
    """Write the configuration of the agent `a`. address: its own address, or nothing."""
    tools = '{tools, ["tests.agents.daemon.guarded_tools:pays"]}'
    agent = f'[{{id, "a"}}, {{model, "{model}"}}, {{api_key, {{env, "OWN_KEY"}}}}, {tools} {address}]'
    file = folder / "sys.config"
    file.write_text(f"[{{understudy, [{{sessions, [{{park_after, 1}}]}}, {{agents, [{agent}]}}]}}].")
    return file


ADDRESSES = pytest.mark.parametrize("own_address", [True, False], ids=["its own address", "the settings' address"])


@ADDRESSES
async def test_a_stopped_agent_wakes_with_its_own_key(
    own: RehearsalServer, folder: Path, tmp_path: Path, own_address: bool
) -> None:
    file = configuration(tmp_path, own, f', {{base_url, "{own.base_url}"}}' if own_address else "")
    async with daemon(own, folder, "--config", str(file), OWN_KEY=KEY) as running, running.client() as client:
        assert isinstance(await said(client, "one"), StreamComplete)
        await client.delete("/agents/a")
        assert isinstance(await said(client, "two"), StreamComplete)
        assert (await client.get("/agents/a"))["messages"] == 4
        file.write_text(file.read_text().replace('"echo"', '"upper"'))
        assert "keeps its settings" in (await understudy("reload", "--state-dir", str(folder)))[1]
        await client.delete("/agents/a")
        assert isinstance(await said(client, "three"), StreamComplete)
        assert await running.stopped() == 0


@ADDRESSES
async def test_a_parked_turn_goes_on_with_the_own_key_of_its_agent(
    own: RehearsalServer, folder: Path, tmp_path: Path, own_address: bool
) -> None:
    file = configuration(tmp_path, own, f', {{base_url, "{own.base_url}"}}' if own_address else "", "buyer")
    async with daemon(own, folder, "--config", str(file), OWN_KEY=KEY) as running, running.client() as client:
        asked: list[Event] = []
        async for event in client.ask("a", str(tmp_path / "paid"), stream_id="s"):
            asked.append(event)
            if sum(isinstance(each, StreamApprovalRequired) for each in asked) == 3:
                break
        for each in await parked(client):
            await client.post("/streams/s/approve", {"call_id": each})
        assert isinstance([event async for event in client.events("s")][-1], StreamComplete)
        assert await running.stopped() == 0


@ADDRESSES
async def test_a_conversation_goes_on_with_the_own_key_of_its_agent_after_a_restart(
    own: RehearsalServer, folder: Path, tmp_path: Path, own_address: bool
) -> None:
    file = configuration(tmp_path, own, f', {{base_url, "{own.base_url}"}}' if own_address else "")
    for messages in (2, 4):
        async with daemon(own, folder, "--config", str(file), OWN_KEY=KEY) as running, running.client() as client:
            session = (await client.post("/agents/a/conversations", {"name": "one"}))["session_id"]
            assert isinstance(await said(client, "Hello.", session), StreamComplete)
            assert (await client.get(f"/sessions/{session}"))["message_count"] == messages
            assert await running.stopped() == 0


async def parked(client: Client) -> list[str]:
    """Return the ids of the calls of the turn, as soon as it is parked."""
    async with asyncio.timeout(60):
        while True:
            found = (await client.get("/approvals"))["approvals"]
            if found and all(each["parked"] for each in found):
                return [each["tool_call"]["id"] for each in found]
            await asyncio.sleep(0.01)


async def said(client: Client, message: str, agent: str = "a") -> Event:
    """Return the end of the agent's answer."""
    return [event async for event in client.ask(agent, message)][-1]
