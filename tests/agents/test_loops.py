"""A model that makes the same call again and again: it reads a note, then a person is asked, then the turn ends."""

from typing import Any

import pytest

from actors import Mailbox, Pid, call
from agents import (
    Decided,
    LoopFound,
    StreamApprovalRequired,
    StreamComplete,
    StreamError,
    StreamToolResult,
    agent,
)
from agents.instance.requests import HandOver
from supervisors.agent_supervisor import start_agent
from tests.agents.keeping import App
from tests.agents.sample_tools import shout
from tests.agents.stage import Stage
from tests.agents.turns import turn

CALL = '{ tool_calls = [{ name = "shout", arguments = { text = "hi" } }] }'
BAD = '{ tool_calls = [{ name = "shout", arguments = { wrong = 1 } }] }'
SCRIPT = f"""
[models.stuck]
turns = [{{ steps = [{", ".join([CALL] * 6)}, {{ text = "Done." }}] }}]

[models.wrong]
turns = [{{ steps = [{", ".join([BAD] * 6)}, {{ text = "Done." }}] }}]

[models.turns]
turns = [{{ steps = [{", ".join([CALL, BAD] * 4)}, {{ text = "Done." }}] }}]
"""


async def gone_on(pid: Pid, decide: Any = None) -> list[Any]:
    return await turn(pid, "Go on.", lambda asked: decide(pid, asked.tool_call))


def results(events: list[Any]) -> list[str]:
    return [event.result.content for event in events if isinstance(event, StreamToolResult)]


@pytest.mark.parametrize(("model", "told"), [("stuck", [0, 0, 1, 1, 1, 1]), ("wrong", [0, 0, 1, 1, 1, 1])])
async def test_the_model_is_told_in_the_result(stage: Stage, model: str, told: list[int]) -> None:
    events = await gone_on(await stage.agent(model, tools=[shout], loops={"tell": 3, "ask": None, "stop": None}))
    assert isinstance(events[-1], StreamComplete)
    assert [int("in a row with the same arguments" in text) for text in results(events)] == told
    assert "shout was called 6 times" in str(stage.server.requests[-1]["messages"][-1])


async def test_a_person_decides_about_further_calls(stage: Stage) -> None:
    decisions = []

    async def decide(pid: Pid, call: Any) -> None:
        decisions.append(call.name)
        await (agent.approve(pid, call.id) if len(decisions) == 1 else agent.deny(pid, call.id, "enough"))

    pid = await stage.agent("stuck", tools=[shout], loops={"tell": None, "ask": 4, "stop": None})
    found = results(await gone_on(pid, decide))
    assert decisions == ["shout"] * 3
    assert ["denied" in text for text in found] == [False] * 4 + [True] * 2


@pytest.mark.parametrize(("model", "count", "calls"), [("stuck", 4, 3), ("turns", 3, 5)])
async def test_a_loop_ends_the_turn(stage: Stage, model: str, count: int, calls: int) -> None:
    events = await gone_on(await stage.agent(model, tools=[shout], loops={"stop": count}))
    assert isinstance(events[-1], StreamError)
    assert isinstance(events[-1].reason, LoopFound)
    assert events[-1].reason.count == count
    assert len(results(events)) == calls


async def test_an_exempt_tool_may_repeat_and_the_default_hurts_no_short_turn(stage: Stage) -> None:
    for loops in ({"tell": 2, "ask": 3, "stop": 4, "exempt": ["shout"]}, {}):
        events = await gone_on(await stage.agent("stuck", tools=[shout], loops=loops))
        assert isinstance(events[-1], StreamComplete)


async def test_a_loop_is_counted_over_a_restart_in_mid_turn(app: App) -> None:
    """The third call waits for a person when the program ends, and the fourth one ends the turn."""
    config = {"id": "stuck", "model": "stuck", "tools": [shout], "loops": {"ask": 3, "stop": 4}}
    async with app():
        pid = await start_agent(config)
        async for event in agent.stream(pid, "Go on."):
            if isinstance(event, StreamApprovalRequired):
                break
        assert await call(pid, HandOver(at_once=True))
    async with app(), Mailbox() as box:
        pid = await start_agent(config)
        assert await agent.follow(pid, event.stream_id, box.pid, after=event.seq)
        last = await box.receive(30)
        while not isinstance(last, StreamComplete | StreamError):
            if isinstance(last, StreamApprovalRequired):
                assert isinstance(await agent.approve(pid, last.tool_call.id), Decided)
            last = await box.receive(30)
    assert isinstance(last, StreamError)
    assert last.reason == LoopFound("shout", 4)
