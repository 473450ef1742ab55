"""A turn that ends the program each time it runs: the daemon starts nevertheless, and a person decides."""

import asyncio
import os
from asyncio.subprocess import Process
from pathlib import Path

import pytest

from agents.client import Client, Unreachable
from agents.core.errors import Parked
from agents.core.events import Event, StreamComplete, StreamError
from agents.rehearsal import RehearsalServer, builtin, parse
from tests.agents.daemon.daemons import begun, daemon

pytestmark = pytest.mark.timeout(240)
ROOT = Path(__file__).parents[3]
RECOVERIES = 2
SCRIPT = """
[models.ender]
[[models.ender.turns]]
match = "end"
steps = [{ text = "Now. ", tool_calls = [{ name = "ends_the_program", arguments = {} }] }, { text = "never" }]
[[models.ender.turns]]
steps = [{ text = "still here" }]

[models.holder]
[[models.holder.turns]]
steps = [{ tool_calls = [{ name = "holds_the_loop", arguments = { mark = "{user}" } }] }, { text = "never" }]
"""
CONFIG = f"""
[{{understudy, [
  {{sessions, [{{max_recoveries, {RECOVERIES}}}]}},
  {{agents, [
    [{{id, "ender"}}, {{model, "ender"}}, {{tools, ["tests.agents.sample_tools:ends_the_program"]}}],
    [{{id, "holder"}}, {{model, "holder"}}, {{tools, ["tests.agents.sample_tools:holds_the_loop"]}}]]}}]}}].
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "sys.config"
    file.write_text(CONFIG)
    return file


async def ended(process: Process) -> int:
    async with asyncio.timeout(60):
        await process.communicate()
    assert process.returncode is not None
    return process.returncode


async def parked(client: Client, stream_id: str) -> StreamError:
    """Return the stream's end; check that it is the only one."""
    events: list[Event] = [event async for event in client.events(stream_id)]
    ends = [event for event in events if isinstance(event, StreamComplete | StreamError)]
    assert ends == events[-1:]
    assert isinstance(ends[0], StreamError)
    return ends[0]


async def test_a_turn_that_ends_the_program_each_time_is_parked_and_the_daemon_starts(
    folder: Path, config: Path
) -> None:
    arguments = ("--config", str(config))
    async with RehearsalServer(builtin() | parse(SCRIPT)) as server:
        async with daemon(server, folder, *arguments, PYTHONPATH=str(ROOT)) as running:
            async with running.client() as client:
                with pytest.raises(Unreachable):
                    await client.post("/agents/ender/chat", {"message": "end"})
            assert await running.process.wait() == 77
        for _ in range(RECOVERIES):
            process = await begun(server, folder, "--port", "0", *arguments, PYTHONPATH=str(ROOT))
            assert await ended(process) == 77
        async with daemon(server, folder, *arguments, PYTHONPATH=str(ROOT)) as running:
            async with running.client() as client:
                (stream,) = (await client.get("/sessions/ender"))["streams"]
                end = await parked(client, stream["id"])
                assert end.reason == Parked(RECOVERIES)
                assert "send a message to go on" in str(end.reason)
                assert stream["status"] == "error"
                *_, last = [event async for event in client.ask("ender", "Hello.")]
                assert isinstance(last, StreamComplete)
                assert last.response.content == "still here"
            assert await running.stopped() == 0
            assert "turn_parked" in await running.log_output()


async def test_a_turn_that_holds_the_loop_until_the_program_is_killed_is_parked(
    folder: Path, config: Path, tmp_path: Path
) -> None:
    arguments = ("--config", str(config))
    mark = tmp_path / "mark"
    os.mkfifo(mark)

    async def killed_when_it_holds(process: Process) -> None:
        async with asyncio.timeout(60):
            assert await asyncio.to_thread(mark.read_text) == "holds"
        process.kill()
        await process.communicate()

    async with RehearsalServer(builtin() | parse(SCRIPT)) as server:
        async with daemon(server, folder, *arguments, PYTHONPATH=str(ROOT)) as running, running.client() as client:
            asking = asyncio.create_task(client.post("/agents/holder/chat", {"message": str(mark)}))
            await killed_when_it_holds(running.process)
            with pytest.raises(Unreachable):
                await asking
        for _ in range(RECOVERIES):
            await killed_when_it_holds(await begun(server, folder, "--port", "0", *arguments, PYTHONPATH=str(ROOT)))
        async with daemon(server, folder, *arguments, PYTHONPATH=str(ROOT)) as running:
            async with running.client() as client:
                (stream,) = (await client.get("/sessions/holder"))["streams"]
                assert (await parked(client, stream["id"])).reason == Parked(RECOVERIES)
                assert await client.get("/readyz") == {"status": "ready"}
            assert await running.stopped() == 0
