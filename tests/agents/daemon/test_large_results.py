"""A daemon that is killed after a large result: the result is whole in its session, in a fork and in an export."""

import base64
import json
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from aiohttp import ClientSession

from agents import StreamComplete, StreamToolResult
from agents.rehearsal import RehearsalServer, builtin, parse
from tests.agents.daemon.daemons import Daemon, daemon
from tests.agents.sample_tools import LONG_LOG

pytestmark = pytest.mark.timeout(180)

SCRIPT = """
[models.reader]
first_token_delay_s = 0.3
[[models.reader.turns]]
steps = [{ tool_calls = [{ name = "long_log", arguments = {} }] }, { text = "{result:0}" }]
"""
CONFIG = """
[{understudy, [{agents, [[{id, "reader"}, {model, "reader"}, {tools, ["tests.agents.sample_tools:long_log"]},
                          {large_results, #{shown_bytes => 1024}}]]}]}].
"""


@pytest.fixture
async def server() -> AsyncIterator[RehearsalServer]:
    async with RehearsalServer(builtin() | parse(SCRIPT, "large")) as running:
        yield running


async def fetched(http: ClientSession, path: str, **headers: str) -> tuple[int, bytes]:
    async with http.get(path, headers=headers) as response:
        return response.status, await response.read()


def http_of(running: Daemon) -> ClientSession:
    return ClientSession(running.url, headers={"authorization": f"Bearer {running.token}"})


async def test_a_large_result_survives_a_kill_a_fork_and_an_export(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    config = tmp_path / "sys.config"
    config.write_text(CONFIG)
    async with daemon(server, folder, "--config", str(config)) as first, first.client() as client:
        async with aclosing(client.ask("reader", "go", stream_id="s")) as stream:
            async for event in stream:
                if isinstance(event, StreamToolResult):
                    result = event.result
                    break
            first.signal(signal.SIGKILL)  # while the model is asked
        await first.ended()
    assert result.large is not None
    handle = result.large.handle
    async with daemon(server, folder, "--config", str(config)) as second, second.client() as client:
        events = [event async for event in client.events("s", 0)]
        assert isinstance(events[-1], StreamComplete)
        assert events[-1].response.answer == result.content
        async with http_of(second) as http:
            path = f"/sessions/reader/results/{handle}"
            assert await fetched(http, path) == (200, LONG_LOG.encode())
            assert await fetched(http, path, Range="bytes=5-9") == (206, LONG_LOG.encode()[5:10])
            assert await fetched(http, path, Range="bytes=-4") == (206, LONG_LOG.encode()[-4:])
            assert (await fetched(http, path, Range=f"bytes={10**9}-"))[0] == 416
            assert (await fetched(http, f"/sessions/reader/results/{'0' * 64}"))[0] == 404
            await client.post("/sessions/reader/fork", {"id": "forked"})
            assert await fetched(http, f"/sessions/forked/results/{handle}") == (200, LONG_LOG.encode())
            _, exported = await fetched(http, "/sessions/forked/export")
            parts = [line for line in map(json.loads, exported.splitlines()) if line["type"] == "part"]
            assert [(each["sha256"], base64.b64decode(each["data"])) for each in parts] == [(handle, LONG_LOG.encode())]
            async with http.delete("/sessions/reader") as deleted:
                assert deleted.status == 200
            assert (await fetched(http, path))[0] == 404
            assert (await fetched(http, f"/sessions/forked/results/{handle}"))[0] == 200
        assert await second.stopped() == 0
