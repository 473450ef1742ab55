"""Sub-agents on nodes: a sub-agent runs on the node of its caller, and the node that continues the one has both."""

import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import aclosing, closing, suppress
from pathlib import Path

import pytest

from agents.client import Client, ClientError
from agents.core.events import Event, StreamApprovalRequired, StreamComplete, StreamStart, StreamSubAgent
from agents.rehearsal import RehearsalServer, builtin, parse
from tests.agents.daemon.crew.test_nodes import BOTH, pids
from tests.agents.daemon.daemons import Daemon, daemon
from tests.agents.daemon.test_killed_sub_agents import CONFIG, SCRIPT, below, until_asked

pytestmark = pytest.mark.timeout(180)

CLUSTER = "{cluster, [{name, pair}, {lease_time, 3000}]}, {supervision, [{nodes, [{intensity, 100}]}]}, {agents, ["
OWNERS = "SELECT sessions.id, nodes.name FROM sessions JOIN nodes ON epoch = node"


@pytest.fixture
async def server() -> AsyncIterator[RehearsalServer]:
    async with RehearsalServer(builtin() | parse(SCRIPT, "sub-agents")) as running:
        yield running


def owners(running: Daemon) -> dict[str, str]:
    """Return the node of each session."""
    with closing(sqlite3.connect(running.folder / "sessions.db")) as database:
        return dict(database.execute(OWNERS).fetchall())


async def more(client: Client, after: int) -> list[Event]:
    """Return the next events up to a question of the sub-agent, which is approved, or to the end."""
    found: list[Event] = []
    async with aclosing(client.events("s", after)) as stream:
        async for event in stream:
            found.append(event)
            if isinstance(event, StreamSubAgent) and isinstance(asked := event.event, StreamApprovalRequired):
                await client.post("/streams/s/approve", {"call_id": asked.tool_call.id})
                break
    return found


async def test_the_node_that_continues_a_turn_continues_its_sub_agent(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    paid, config = tmp_path / "paid", tmp_path / "sys.config"
    config.write_text(CONFIG.replace("{agents, [\n", CLUSTER + "\n", 1))
    async with daemon(server, folder, "--nodes", "2", "--config", str(config)) as running:
        async with running.client() as client, aclosing(client.ask("boss", str(paid), stream_id="s")) as stream:
            seen = await until_asked(client, stream, 2)
        (sub_agent,) = [event.agent_id for event in below(seen) if isinstance(event, StreamStart)]
        before = owners(running)
        assert before[sub_agent] == before["boss"]
        os.kill(pids(running)[before["boss"]], signal.SIGKILL)
        rest: list[Event] = []
        while not rest or not isinstance(rest[-1], StreamComplete):
            with suppress(ClientError):  # the node that it connected to has died, or does not know the stream yet
                async with running.client() as client:
                    rest += await more(client, [*seen, *rest][-1].seq)
        assert isinstance(end := rest[-1], StreamComplete)
        assert end.response.answer == "Done: Bought."
        assert paid.read_text().split() == ["paid", "1", "paid", "2"]
        places = [(event.stream_id, event.seq) for event in below([*seen, *rest])]
        assert len(places) == len(set(places))
        assert owners(running)["boss"] == owners(running)[sub_agent] in BOTH
        assert await running.stopped() == 0
