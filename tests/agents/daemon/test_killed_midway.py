"""kill -9 of a daemon whose calls ask in the middle: the questions wait, and an answer is asked for once."""

import os
import signal
from contextlib import aclosing
from pathlib import Path

import pytest

from agents.client import Client
from agents.core.events import TERMINAL, Event, StreamApprovalRequired, StreamComplete, StreamToolResult
from agents.rehearsal import RehearsalServer, builtin, parse
from tests.agents.cli.forked import understudy
from tests.agents.daemon.daemons import Daemon, daemon
from tests.agents.tools import asking_midway

pytestmark = pytest.mark.timeout(240)

CONFIG = """
[{agents, [{tools, [{workers, 1}]}]},
 {understudy, [{agents, [[{id, "both"}, {model, "both"},
                          {tools, ["tests.agents.tools.asking_midway:deletes",
                                   "tests.agents.tools.asking_midway:moves"]}]]}]}].
"""


async def kill(running: Daemon) -> None:
    os.kill(running.process.pid, signal.SIGKILL)
    await running.ended()


async def asked(client: Client, count: int, seq: int, message: str = "") -> list[StreamApprovalRequired]:
    """Return this many questions of the stream after this seq. message: begins the stream."""
    found: list[StreamApprovalRequired] = []
    async with aclosing(client.ask("both", message, "s") if message else client.events("s", seq)) as events:
        async for event in events:
            if isinstance(event, StreamApprovalRequired):
                found.append(event)
                if len(found) == count:
                    return found
    raise AssertionError(f"expected {count} questions, got {found}")


async def answer(client: Client, call_id: str, given: str) -> None:
    assert (await client.post("/streams/s/answer", {"call_id": call_id, "answer": given}))["decision"] == "answered"


async def end(client: Client) -> list[Event]:
    async with aclosing(client.events("s")) as events:
        seen = [event async for event in events]
    assert isinstance(seen[-1], TERMINAL)
    return seen


async def test_a_process_tool_and_a_task_tool_ask_twice_each_over_three_kills(tmp_path: Path) -> None:
    state, file = tmp_path / "state", tmp_path / "runs"
    async with RehearsalServer(builtin() | parse(asking_midway.SCRIPT, "midway")) as server:
        (tmp_path / "sys.config").write_text(CONFIG)
        arguments = ("--config", str(tmp_path / "sys.config"))
        async with daemon(server, state, *arguments) as first, first.client() as client:
            whether = {each.tool_call.name: each for each in await asked(client, 2, 0, str(file))}
            await kill(first)
        async with daemon(server, state, *arguments) as second, second.client() as client:
            last = max(each.seq for each in whether.values())
            again = {each.tool_call.name: each for each in await asked(client, 2, last)}
            assert {name: each.deadline for name, each in again.items()} == {
                name: each.deadline for name, each in whether.items()
            }
            ids = {name: each.tool_call.id for name, each in again.items()}
            assert ids == {name: each.tool_call.id for name, each in whether.items()}
            assert len(file.read_text().splitlines()) == 2, "no call runs again without an answer"
            last = max(each.seq for each in again.values())
            await answer(client, ids["deletes"], "yes")
            (how,) = await asked(client, 1, last)
            assert (how.tool_call.id, how.question) == (ids["deletes"], asking_midway.HOW)
            await answer(client, ids["moves"], "yes")
            (how,) = await asked(client, 1, how.seq)
            assert (how.tool_call.id, how.question) == (ids["moves"], asking_midway.HOW)
            await kill(second)
        async with daemon(server, state, *arguments) as third, third.client() as client:
            hows = await asked(client, 2, how.seq)
            assert {each.question for each in hows} == {asking_midway.HOW}
            code, listed, _ = await understudy("inbox", "--state-dir", str(state))
            assert (code, listed.count("How? [fast, safe]")) == (0, 2)
            await answer(client, ids["deletes"], "fast")  # it is on disk when the program is killed
            await kill(third)
        async with daemon(server, state, *arguments) as fourth, fourth.client() as client:
            await answer(client, ids["moves"], "safe")
            seen = await end(client)
            assert await fourth.stopped() == 0
    last = max(each.seq for each in hows)
    later = [each for each in seen if isinstance(each, StreamApprovalRequired) and each.seq > last]
    assert {each.tool_call.id for each in later} <= {ids["moves"]}, "an answered question is not asked again"
    (complete,) = [each for each in seen if isinstance(each, StreamComplete)]
    results = {each.tool_call.name: each.result for each in seen if isinstance(each, StreamToolResult)}
    runs = file.read_text().splitlines()
    assert complete.response.answer.startswith("So: ")
    assert (results["moves"].content, results["moves"].error) == ("moved safe", None)
    assert results["deletes"].error in (None, "unknown"), "the third kill may have cut its last run"
    assert runs.count("deleted fast") <= 1
    assert runs.count("run 1 of moves") == 3
