"""kill -9 of each child process of a daemon in the middle of a tool call: the turn ends, and other turns run."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from agents.core.events import StreamComplete, StreamFunctionExecutionStart
from agents.rehearsal import RehearsalServer, builtin, parse
from tests.agents.daemon.daemons import alive, daemon, identities

pytestmark = pytest.mark.timeout(180)
ROOT = Path(__file__).parents[3]
SCRIPT = """
[models.digger]
[[models.digger.turns]]
steps = [{ tool_calls = [{ name = "works_long", arguments = { mark = "{user}" } }] }, { text = "{result:0}" }]
"""
CONFIG = """
[{agents, [{tools, [{workers, 2}]}]},
 {understudy, [{agents, [[{id, "a"}, {model, "digger"}, {tools, ["tests.agents.sample_tools:works_long"]}]]}]}].
"""
STARTED_S = 120.0


async def test_whichever_process_is_killed_the_turn_ends_and_the_next_one_runs(folder: Path, tmp_path: Path) -> None:
    config = tmp_path / "sys.config"
    config.write_text(CONFIG)
    async with (
        RehearsalServer(builtin() | parse(SCRIPT)) as server,
        daemon(server, folder, "--config", str(config), PYTHONPATH=str(ROOT)) as running,
    ):
        async with running.client() as client:
            own, *others = identities(running.process.pid)
            for number in range(len(others)):
                mark = tmp_path / f"mark-{number}"
                os.mkfifo(mark)
                async for event in client.ask("a", str(mark)):
                    if isinstance(event, StreamFunctionExecutionStart):
                        async with asyncio.timeout(STARTED_S):
                            worker = int(await asyncio.to_thread(mark.read_text))
                        _, *others = identities(running.process.pid)
                        os.kill(others[number % len(others)][0], signal.SIGKILL)
                        with suppress(ProcessLookupError):  # the first kill may have hit the worker
                            os.kill(worker, signal.SIGKILL)  # otherwise the worker would run on
                assert isinstance(event, StreamComplete)
                assert event.response.content == "error: the tool's worker process died: SIGKILL"
                assert alive(own)
            assert await client.get("/readyz") == {"status": "ready"}
        assert await running.stopped() == 0
