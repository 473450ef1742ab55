"""kill -9 at every step of a turn, then a restart: what the client saw and what the store holds agree."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agents.core.conversation import AssistantMessage, ToolMessage, UserMessage, well_formed
from agents.core.errors import Interrupted
from agents.core.events import Event, StreamComplete, StreamError, StreamToolResult
from agents.core.parts import hashes_in, text_of
from agents.rehearsal import RehearsalServer, parse
from agents.sessions import Store
from agents.sessions.records import StreamStatus
from tests.agents.crash.program import AGENT, PICTURE, STREAM
from tests.agents.parts.samples import PNG, seen
from tests.agents.texts import text_that_stands

SCRIPT = """
[models.busy]
token_delay_s = 0.003
[[models.busy.turns]]
[[models.busy.turns.steps]]
text = "Let me pay and look."
tool_calls = [{ name = "pay", arguments = {} }, { name = "look", arguments = {} }]
[[models.busy.turns.steps]]
text = "It is {tool:pay} and {tool:look}, so all is well in the end. {parts}"
"""
EVENTS = 26  # of a whole turn, at least
KILLS = [*(f"event:{number}" for number in range(1, EVENTS, 2)), "tool:pay", "tool:look"]
POINTS: list[dict[str, Any]] = [
    {"name": f"{durability}-{on_restart}-{kill.replace(':', '-')}", "durability": durability, "on_restart": on_restart}
    | {"kill": kill}
    for durability, on_restart, kills in (
        ("batched", "resume", KILLS),
        ("sync", "resume", KILLS[::2]),
        ("batched", "interrupt", KILLS[1::2]),
    )
    for kill in kills
]


pytestmark = pytest.mark.timeout(450)  # for sixty lives


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Run both lives of every point, and return the directories."""
    root = tmp_path_factory.mktemp("crash")
    with RehearsalServer(parse(SCRIPT)) as server:
        command = [sys.executable, "-m", "tests.agents.crash.program", server.base_url, str(root)]
        subprocess.run(command, input=json.dumps(POINTS).encode(), check=True, timeout=400)
        yield root


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point["name"])
def test_a_crash_anywhere_leaves_one_truth(lives: Path, point: dict[str, Any]) -> None:
    directory = lives / point["name"]
    first, second = json.loads((directory / "lives.json").read_text())
    error = directory / "error.txt"
    assert (first, second) == (-9, 0), error.read_text() if error.exists() else "no error"
    seen = msgspec.json.decode(
        b"[" + b",".join((directory / "client.jsonl").read_bytes().splitlines()) + b"]", type=list[Event]
    )
    check_client(seen, point["on_restart"])
    assert asyncio.run(in_store(directory)) == "ok"
    assert (directory / "pay").read_text() == "done\n" if (directory / "pay").exists() else True


def check_client(seen: list[Event], on_restart: str) -> None:
    """Check that no event is lost or repeated, that there is one end, and that the valid text equals it."""
    assert all(later.seq > earlier.seq for earlier, later in pairwise(seen))
    assert [isinstance(event, StreamComplete | StreamError) for event in seen].count(True) == 1
    text, end = text_that_stands(seen), seen[-1]
    assert [event.tool_call.id for event in seen if isinstance(event, StreamToolResult)] == sorted(
        {event.tool_call.id for event in seen if isinstance(event, StreamToolResult)},
        key=[event.tool_call.id for event in seen if isinstance(event, StreamToolResult)].index,
    )
    if isinstance(end, StreamError):
        assert on_restart == "interrupt"
        assert end.reason == Interrupted()
        assert text.startswith(end.content), "up to a few tokens that were shown may not have reached the disk"
    else:
        assert isinstance(end, StreamComplete)
        assert text == end.response.content


async def in_store(directory: Path) -> str:
    store = await Store.open(f"sqlite:///{directory / 'store.db'}")
    try:
        info = await store.stream(STREAM)
        assert info is not None
        assert info.status is not StreamStatus.OPEN
        events = await store.events(STREAM)
        assert isinstance(events[-1], StreamComplete | StreamError)
        conversation = await store.conversation(AGENT)
        asked = conversation[0]
        assert isinstance(asked, UserMessage)
        assert text_of(asked.content) == "go\n[image: image/png]"
        hashes = set(hashes_in(conversation))
        assert set(await store.parts(sorted(hashes))) == hashes
        assert well_formed(conversation) == conversation
        if isinstance(events[-1], StreamComplete):
            last = conversation[-1]
            assert isinstance(last, AssistantMessage)
            assert last.content == events[-1].response.answer
            assert last.content.endswith(f"{seen('image/png', PNG)}\n{seen('image/png', PICTURE)}")
            assert len([each for each in conversation if isinstance(each, ToolMessage)]) == 2
    finally:
        await store.close()
    return "ok"
