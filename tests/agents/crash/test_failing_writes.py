"""Each write of a turn fails in one run: the client gets the error, nothing is lost, and the program survives."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from agents.core.conversation import UserMessage
from agents.core.errors import StoreFailed
from agents.core.events import Event, StreamComplete, StreamError
from agents.rehearsal import RehearsalServer, parse
from agents.sessions import Store
from tests.agents.crash.preloaded import built
from tests.agents.crash.writes import SEEN, STORE

pytestmark = pytest.mark.timeout(180)
SCRIPT = """
[models.brief]
[[models.brief.turns]]
steps = [{ text = "One.", tool_calls = [{ name = "look", arguments = {} }] }, { text = "It is {tool:look}." }]
"""
TURNS = 50  # at least


def test_a_failed_write_anywhere_is_reported_and_ends_only_its_turn(tmp_path: Path) -> None:
    library = built(Path(__file__).with_name("failing.c"), tmp_path)
    with RehearsalServer(parse(SCRIPT)) as server:
        command = [sys.executable, "-m", "tests.agents.crash.writes", server.base_url, str(tmp_path)]
        subprocess.run(command, check=True, timeout=150, env={**os.environ, "LD_PRELOAD": str(library)})
    lines = (tmp_path / SEEN).read_bytes().splitlines()
    seen: dict[str, list[Event]] = {}
    for event in msgspec.json.decode(b"[" + b",".join(lines) + b"]", type=list[Event]):
        seen.setdefault(event.stream_id, []).append(event)
    assert len(seen) > TURNS
    kept = asyncio.run(in_store(f"sqlite:///{tmp_path}/store/{STORE}", list(seen)))
    for stream_id, events in seen.items():
        check(events)
        assert kept[stream_id] == events, stream_id
    assert isinstance(seen["last"][-1], StreamComplete)
    assert {type(events[-1]) for events in seen.values()} == {StreamComplete, StreamError}


def check(events: list[Event]) -> None:
    end = events[-1]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [isinstance(event, StreamComplete | StreamError) for event in events].count(True) == 1
    if isinstance(end, StreamError):
        assert isinstance(end.reason, StoreFailed)
        assert "can't be written" in end.reason.why
        assert "\n" not in end.reason.why


async def in_store(url: str, streams: list[str]) -> dict[str, list[Event]]:
    store = await Store.open(url)
    try:
        assert await store.open_streams() == []
        for agent_id in streams:
            assert (await store.conversation(agent_id))[0] == UserMessage("go")
        return {stream_id: await store.events(stream_id) for stream_id in streams}
    finally:
        await store.close()
