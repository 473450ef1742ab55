"""A daemon that is killed while a sub-agent works: its successor continues the turns of both agents."""

import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from agents.client import Client
from agents.core.events import (
    Event,
    StreamApprovalRequired,
    StreamComplete,
    StreamStart,
    StreamSubAgent,
    StreamToken,
    StreamToolResult,
)
from agents.rehearsal import RehearsalServer, builtin, parse
from tests.agents.daemon.daemons import Daemon, daemon

pytestmark = pytest.mark.timeout(180)

SCRIPT = """
[models.boss]
[[models.boss.turns]]
steps = [
    { text = "I ask.", tool_calls = [{ name = "buyer", arguments = { message = "{user}" } }] },
    { text = "Done: {result:0}" },
]

[models.buyer]
[[models.buyer.turns]]
steps = [
    { text = "First. ", tool_calls = [{ name = "pays", arguments = { path = "{user}", euros = 1 } }] },
    { text = "Then. ", tool_calls = [{ name = "pays", arguments = { path = "{user}", euros = 2 } }] },
    { text = "Bought." },
]
"""
CONFIG = """
[{agents, [{tools, [{workers, 2}]}]},
 {understudy, [{agents, [
    #{id => buyer, model => "buyer", description => "Buys.", tools => ["tests.agents.daemon.guarded_tools:pays"]},
    #{id => boss, model => "boss", tools => [{agent, buyer}]}
 ]}]}].
"""


@pytest.fixture
async def server() -> AsyncIterator[RehearsalServer]:
    async with RehearsalServer(builtin() | parse(SCRIPT, "sub-agents")) as running:
        yield running


async def until_asked(client: Client, events: AsyncIterator[Event], count: int) -> list[Event]:
    """Return the events up to this question of the sub-agent. Approve the earlier ones in the caller's stream."""
    seen: list[Event] = []
    async for event in events:
        seen.append(event)
        if isinstance(event, StreamSubAgent) and isinstance(asked := event.event, StreamApprovalRequired):
            count -= 1
            if count == 0:
                break
            await client.post("/streams/s/approve", {"call_id": asked.tool_call.id})
    return seen


async def killed(running: Daemon) -> None:
    running.signal(signal.SIGKILL)
    await running.ended()


def below(events: list[Event]) -> list[Event]:
    return [event.event for event in events if isinstance(event, StreamSubAgent)]


async def test_a_killed_sub_agent_continues_in_its_callers_stream_and_pays_once(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    paid, config = tmp_path / "paid", tmp_path / "sys.config"
    config.write_text(CONFIG)
    async with daemon(server, folder, "--config", str(config)) as first, first.client() as client:
        async with aclosing(client.ask("boss", str(paid), stream_id="s")) as stream:
            seen = await until_asked(client, stream, 2)
        await killed(first)
    async with daemon(server, folder, "--config", str(config)) as second, second.client() as client:
        async with aclosing(client.events("s", seen[-1].seq)) as stream:
            rest = await until_asked(client, stream, 1)
            (asked,) = [event for event in below(rest) if isinstance(event, StreamApprovalRequired)]
            await client.post("/streams/s/approve", {"call_id": asked.tool_call.id})
            rest += [event async for event in stream]
        end = rest[-1]
        assert isinstance(end, StreamComplete)
        assert end.response.answer == "Done: Bought."
        assert paid.read_text().split() == ["paid", "1", "paid", "2"]
        seqs = [event.seq for event in below([*seen, *rest])]
        assert seqs == sorted(set(seqs))
        assert len({event.stream_id for event in below([*seen, *rest])}) == 1
        assert [type(event) for event in below([*seen, *rest])].count(StreamStart) == 1
        results = [event.result.error for event in below([*seen, *rest]) if isinstance(event, StreamToolResult)]
        assert results == [None, None]
        text = "".join(event.token for event in below([*seen, *rest]) if isinstance(event, StreamToken))
        assert text == "First. Then. Bought."
        assert {each.id for each in await client.sessions()} == {"boss", "buyer"}
        assert [each.parent_id for each in (await client.session("boss")).sub_agents] == ["boss"]
        assert await second.stopped() == 0
