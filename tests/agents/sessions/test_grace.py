"""A PostgreSQL that restarts or stops answering while turns run."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from agents import StreamComplete, StreamError, StreamToken, agent, application
from agents.core.errors import StoreFailed
from agents.core.events import Event, StreamToolResult
from agents.rehearsal import RehearsalServer, parse
from agents.sessions import StoreUnavailable, open_journal
from agents.settings import Durability, SessionSettings, Settings, ToolSettings
from agents.tools.tool import tool
from supervisors import agent_supervisor
from tests.agents.sessions.cluster import OWNER, cluster, processes, start, stop
from tests.waiting import eventually

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(180)]

TURNS = 20
AHEAD = 64
SCRIPT = f"""
[models.talks]
token_delay_s = 0.02
[[models.talks.turns]]
[[models.talks.turns.steps]]
text = "{"a " * 30}"
tool_calls = [{{ name = "notes", arguments = {{ line = "{{user}}" }} }}]
[[models.talks.turns.steps]]
text = "{"b " * 60}"

[models.endless]
token_delay_s = 0.002
[[models.endless.turns]]
steps = [{{ text = "{"a " * 5000}", tool_calls = [{{ name = "notes", arguments = {{ line = "{{user}}" }} }}] }}]
"""


@pytest.fixture
def server() -> Iterator[Path]:
    """A PostgreSQL for this test only."""
    with cluster() as folder:
        yield folder


@asynccontextmanager
async def running(folder: Path, **sessions: Any) -> AsyncIterator[None]:
    url = f"postgresql://{OWNER}@/postgres?host={folder}"
    async with RehearsalServer(parse(SCRIPT)) as provider:
        settings = Settings(
            base_url=provider.base_url,
            api_key=SecretStr("any"),
            sessions=SessionSettings(url=url, durability=Durability.BATCHED, **sessions),
            tools=ToolSettings(workers=1),
        )
        async with application.running(settings):
            yield


@contextmanager
def stopped(folder: Path) -> Iterator[None]:
    """Stop every process of the server within the block."""
    pids = processes(folder)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)


class Turn:
    """A turn with its subscriber. events: in the order of arrival."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.events: list[Event] = []
        self.runs = asyncio.Event()

    async def follow(self, model: str, tools: list[Any]) -> None:
        pid = await agent_supervisor.start_agent({"id": self.name, "model": model, "tools": tools})
        async for event in agent.stream(pid, self.name):
            self.events.append(event)
            if isinstance(event, StreamToken):
                self.runs.set()


def noting(file: Path) -> Any:
    @tool(isolation="task")
    async def notes(line: str) -> str:
        """Write a line into the file."""
        with file.open("a") as out:
            out.write(f"{line}\n")
        return line

    return notes


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_restart_of_the_database_ends_no_turn_and_loses_and_repeats_nothing(
    server: Path, tmp_path: Path, mode: str
) -> None:
    file = tmp_path / "notes"
    turns = [Turn(f"agent-{number}") for number in range(TURNS)]
    async with running(server):
        tasks = [asyncio.create_task(turn.follow("talks", [noting(file)])) for turn in turns]
        await asyncio.gather(*(turn.runs.wait() for turn in turns))
        await asyncio.to_thread(stop, server, mode)
        await asyncio.to_thread(start, server)
        await asyncio.gather(*tasks)
        journal = await open_journal()
        assert journal is not None
        for turn in turns:
            assert isinstance(turn.events[-1], StreamComplete), turn.events[-1]
            assert [each.seq for each in turn.events] == list(range(1, len(turn.events) + 1))
            assert await journal.store.events(turn.events[0].stream_id) == turn.events
    assert sorted(file.read_text().split()) == sorted(turn.name for turn in turns)


async def test_while_the_store_is_away_events_are_shown_up_to_the_limit_and_no_tool_starts(
    server: Path, tmp_path: Path
) -> None:
    file = tmp_path / "notes"
    turn = Turn("one")
    async with running(server, batch_events=AHEAD):
        task = asyncio.create_task(turn.follow("talks", [noting(file)]))
        await turn.runs.wait()
        await asyncio.to_thread(stop, server)
        journal = await open_journal()
        assert journal is not None
        await eventually(
            lambda: journal.behind.events, lambda count: count > AHEAD // 2, what="events that are not stored"
        )
        before = len(turn.events)
        assert not file.exists()
        assert before <= AHEAD + 32
        assert not [each for each in turn.events if isinstance(each, StreamToolResult)]
        await asyncio.to_thread(start, server)
        await task
    assert isinstance(turn.events[-1], StreamComplete)
    assert file.read_text() == "one\n"


async def test_after_the_grace_a_turn_ends_without_revealing_where_the_store_is(server: Path, tmp_path: Path) -> None:
    turn = Turn("one")
    async with running(server, store_grace=200):
        task = asyncio.create_task(turn.follow("endless", [noting(tmp_path / "notes")]))
        await turn.runs.wait()
        await asyncio.to_thread(stop, server)
        await task
        last = turn.events[-1]
        assert isinstance(last, StreamError)
        assert last.reason == StoreFailed("the store of sessions can't be written now")
        await asyncio.to_thread(start, server)
        journal = await open_journal()
        assert journal is not None
        await journal.durable()
        kept = await journal.store.events(last.stream_id)
        assert [each.seq for each in kept] == list(range(1, last.seq + 1))
    assert not (tmp_path / "notes").exists()


async def test_a_database_that_stops_answering_fails_after_the_deadline_until_it_is_back(
    server: Path, tmp_path: Path
) -> None:
    turn = Turn("one")
    async with running(server, store_timeout=500):
        journal = await open_journal()
        assert journal is not None
        task = asyncio.create_task(turn.follow("talks", [noting(tmp_path / "notes")]))
        await turn.runs.wait()
        with stopped(server):
            with pytest.raises(StoreUnavailable, match=r"can't be used: it does not answer$"):
                await journal.store.sessions()
            with pytest.raises(Exception, match="it does not answer"):
                await journal.check_writable()
        await task
        assert isinstance(turn.events[-1], StreamComplete)
        assert await journal.store.events(turn.events[0].stream_id) == turn.events
        await journal.check_writable()
