"""The begin of a kept turn: the model is asked meanwhile, and clients see the turn only once the disk has it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from aiohttp import web

from actors import Mailbox
from agents import StreamComplete, StreamStart, agent
from supervisors import agent_supervisor
from tests.agents.keeping import App, journal
from tests.agents.llm.http.loopback import answered_by

ANSWER = b"""data: {"choices": [{"index": 0, "delta": {"content": "Yes."}, "finish_reason": "stop"}]}

data: [DONE]

"""


@asynccontextmanager
async def provider(asked: asyncio.Event, go: asyncio.Event) -> AsyncIterator[str]:
    """Run a provider that sets `asked` at its first request, and answers after `go`. Yield its base URL."""

    async def answer(_: web.Request) -> web.Response:
        asked.set()
        await go.wait()
        return web.Response(body=ANSWER, content_type="text/event-stream")

    async with answered_by(answer) as address:
        try:
            yield f"{address}/v1"
        finally:
            go.set()


@pytest.mark.parametrize("durability", ["batched", "sync"])
async def test_the_model_is_asked_while_the_begin_is_written_and_no_event_is_seen_before(
    app: App, tmp_path: Path, durability: str
) -> None:
    asked, go = asyncio.Event(), asyncio.Event()
    go.set()
    async with provider(asked, go) as base_url, app(durability=durability), Mailbox() as box:
        pid = await agent_supervisor.start_agent({"id": "ada", "model": "m", "base_url": base_url, "api_key": "x"})
        with closing(sqlite3.connect(tmp_path / "sessions.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # the journal's write waits
            agent.stream_chat(pid, "hello", box.pid, stream_id="s")
            await asked.wait()
            store = (await journal()).store
            assert await agent.events(pid, "s") == ()
            assert await store.stream("s") is None
            other.execute("ROLLBACK")
        assert isinstance(await box.receive(), StreamStart)
        assert await store.stream("s") is not None
        while not isinstance(await box.receive(), StreamComplete):
            pass


@pytest.mark.parametrize("durability", ["batched", "sync"])
async def test_a_turn_that_only_asked_the_model_is_kept_with_its_message_and_no_checkpoint(
    app: App, durability: str
) -> None:
    events = asyncio.Event(), asyncio.Event()
    async with provider(*events) as base_url, app(durability=durability), Mailbox() as box:
        pid = await agent_supervisor.start_agent({"id": "ada", "model": "m", "base_url": base_url, "api_key": "x"})
        agent.stream_chat(pid, "hello", box.pid, stream_id="s")
        assert isinstance(await box.receive(), StreamStart)
        (open_,) = await (await journal()).store.open_streams("ada")
        assert (open_.message, open_.last_seq, open_.checkpoint) == ("hello", 1, None)
        await agent.cancel(pid)
