"""The wall clock jumps, and no timer notices: no timer uses it."""

import ast
import asyncio
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.core.events import StreamComplete, StreamToken
from agents.rehearsal import RehearsalServer
from tests.agents.crash.preloaded import built
from tests.agents.daemon.daemons import daemon

ROOT = Path(__file__).parents[3]
FLOORS = ("actors", "supervisors", "agents")
WALL = {
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.gmtime",
    "time.strftime",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "formatdate",
}
TOLD = {
    "actors/clock.py": "the Unix time, for the moments in a turn's figures",
    "actors/thespian/capabilities.py": "the version that Thespian tells of itself",
    "agents/cli/moment.py": "the time that an age means",
    "agents/cli/remote/ps.py": "the age of a turn",
    "agents/gateway/app.py": "`created` of a model",
    "agents/gateway/routes/chat_completions.py": "`created` of an answer",
    "agents/gateway/routes/openai_responses.py": "`created_at` of a response",
    "agents/gateway/server_connections.py": "the Date of an answer",
    "agents/llm/client_faults.py": "a Retry-After that is a date, against the date of now",
    "agents/mcp/oauth.py": "whether a token has ended, which the file of tokens tells",
    "agents/mcp/tokens.py": "the end of a token's life, for the file of tokens",
    "agents/rehearsal/director.py": "`created` of an answer",
    "agents/sessions/effects.py": "when an effect was settled",
    "agents/sessions/history.py": "when a session was changed",
    "agents/sessions/journal_handle.py": "when a session began",
    "agents/sessions/nodes.py": "when a node was declared dead",
    "agents/sessions/part_files.py": "the age of an unfinished file, against its time",
    "agents/sessions/recorder.py": "when a stream began and ended",
    "agents/sessions/waiting.py": "when a model call was charged",
    "agents/sessions/waits.py": "when a turn was parked",
    "agents/tools/call_context.py": "the deadline of a call, for its tool",
    "agents/webhooks/announcer.py": "when a message was made",
}
"""The modules that may read the wall clock, to show the time."""

HOUR_S = 3600
JUMPS_S = (
    HOUR_S,
    -HOUR_S,
    0,
    86_400 * 366,
    -1,
)  # forward, back, to where it was, over years and a leap day, a leap second

pytestmark = pytest.mark.timeout(180)


def wall_clocks(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).removeprefix("datetime.datetime.") in WALL:
            yield ast.unparse(node.func)
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (each.name for each in node.names if f"time.{each.name}" in WALL)


def test_the_wall_clock_is_read_only_to_tell_the_time() -> None:
    reading = {
        str(path.relative_to(ROOT))
        for floor in FLOORS
        for path in (ROOT / floor).rglob("*.py")
        if [*wall_clocks(path.read_text())]
    }
    assert reading == set(TOLD)


async def test_a_clock_that_jumps_ends_no_turn_and_begins_none(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    library, jump = built(Path(__file__).with_name("clock.c"), tmp_path), tmp_path / "jump"
    jump.write_bytes(struct.pack("l", 0))
    async with daemon(server, folder, LD_PRELOAD=str(library), CLOCK_JUMP=str(jump)) as running:
        async with running.client() as client:
            await client.post("/agents", {"id": "a", "model": "slow", "tools": ["calculator"]})
            for number, seconds in enumerate(JUMPS_S):
                events = []
                async for event in client.ask("a", "go", stream_id=f"s{number}"):
                    events.append(event)
                    if sum(isinstance(each, StreamToken) for each in events) == 3:
                        with jump.open("r+b") as file:
                            file.write(struct.pack("l", seconds))
                end = events[-1]
                assert isinstance(end, StreamComplete)
                assert [event.seq for event in events] == list(range(1, len(events) + 1))
                assert end.response.metrics is not None
                assert end.response.metrics.total_time_ms < HOUR_S * 1000 / 2
            sessions = await client.get("/sessions")
            assert [session["id"] for session in sessions["sessions"]] == ["a"]
        async with asyncio.timeout(60):
            assert await running.stopped() == 0
        assert "interrupted" not in await running.log_output()
