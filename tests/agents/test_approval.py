"""Calls that need a person's approval, and the progress that tools report."""

import asyncio
import json
from typing import Any

import pytest

from actors import Pid
from actors.testing import simulated
from agents import (
    AlreadyDecided,
    Decided,
    Event,
    InvalidEdit,
    NotAsked,
    OtherArguments,
    StreamApprovalRequired,
    StreamComplete,
    StreamToolProgress,
    StreamToolResult,
    StreamToolStart,
    agent,
)
from agents.core.conversation import AssistantMessage, Function, ToolCall
from agents.tools.approval import Approvals
from supervisors.agent_supervisor import start_agent
from tests.agents.sample_tools import counts, pays
from tests.agents.scripts import call, calling
from tests.agents.stage import Stage
from tests.agents.turns import turn

SCRIPT = calling("buyer", *(call("pays", euros=each) for each in (5, 500, 900))) + calling(
    "counter", call("counts", to=3)
)


def asked(events: list[Event]) -> list[StreamApprovalRequired]:
    return [event for event in events if isinstance(event, StreamApprovalRequired)]


@simulated(seeds=1)
async def test_an_approval_without_a_waiting_call_has_no_deadline() -> None:
    faults: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    approvals = Approvals(lambda *decided: faults.append(decided))
    approvals.ask(1, ToolCall("call", Function("pays", "{}")), 1.0)
    approvals.close()
    await asyncio.sleep(2)
    assert approvals.approve("call") == NotAsked("call")
    assert not faults


async def bought(pid: Pid, decide: Any) -> list[Event]:
    """Return the events of a turn. decide: called with each call that needs an approval."""
    return await turn(pid, "buy", lambda asked: decide(asked.tool_call))


async def test_each_call_that_needs_it_waits_for_its_own_approval(stage: Stage, api: str) -> None:
    pid = await stage.agent("buyer", tools=[pays], api_preference=api)

    async def decide(call: Any) -> None:
        if "900" in call.arguments:
            assert await agent.deny(pid, call.id, "too dear") == Decided(call.id, "denied")
        else:
            assert await agent.approve(pid, call.id, call.arguments) == Decided(call.id, "approved")

    events = await bought(pid, decide)
    assert ["500" in event.tool_call.arguments for event in asked(events)] == [True, False]
    end = events[-1]
    assert isinstance(end, StreamComplete)
    assert end.response.answer == "paid 5, paid 500, error: denied: too dear"


async def test_an_approval_is_for_the_arguments_that_were_shown(stage: Stage) -> None:
    pid = await stage.agent("buyer", tools=[pays])

    async def decide(call: Any) -> None:
        assert await agent.approve(pid, call.id, '{"euros": 1}') == OtherArguments(call.id, call.arguments)
        assert await agent.approve(pid, call.id) == Decided(call.id, "approved")
        assert await agent.deny(pid, call.id) == AlreadyDecided(call.id, "approved")

    events = await bought(pid, decide)
    end = events[-1]
    assert isinstance(end, StreamComplete)
    assert end.response.answer == "paid 5, paid 500, paid 900"


async def test_an_approved_call_runs_with_edited_arguments_and_the_model_is_told(stage: Stage, api: str) -> None:
    pid = await stage.agent("buyer", tools=[pays], api_preference=api)

    async def decide(call: Any) -> None:
        for unfit in ('{"euro": 1}', '{"euros": ', ""):
            refused = await agent.approve(pid, call.id, call.arguments, edited=unfit)
            assert isinstance(refused, InvalidEdit)
        assert await agent.approve(pid, call.id, "{}", edited='{"euros": 7}') == OtherArguments(call.id, call.arguments)
        edited = '{"euros": 7}' if "500" in call.arguments else None
        assert await agent.approve(pid, call.id, call.arguments, edited=edited) == Decided(call.id, "approved")
        assert await agent.approve(pid, call.id, edited="{}") == AlreadyDecided(call.id, "approved")

    events = await bought(pid, decide)
    begun = [event.tool_call for event in events if isinstance(event, StreamToolStart)]
    assert {call.index: json.loads(call.arguments)["euros"] for call in begun} == {0: 5, 1: 7, 2: 900}
    results = {event.tool_call.index: event.result for event in events if isinstance(event, StreamToolResult)}
    told = 'paid 7\n\nThe user changed the arguments of this call to: {"euros": 7}'
    assert (results[1].content, results[1].value) == (told, "paid 7")
    end = events[-1]
    assert isinstance(end, StreamComplete)
    assert end.response.answer == f"paid 5, {told}, paid 900"
    (made,) = [each for each in await agent.conversation(pid) if isinstance(each, AssistantMessage) and each.tool_calls]
    assert "500" in made.tool_calls[1].arguments


@pytest.mark.usefixtures("simulated_understudy")
@pytest.mark.parametrize("simulation_seed", range(3))
async def test_no_answer_within_its_deadline_is_a_denial() -> None:
    pid = await start_agent({"model": "buyer", "tools": [pays]})

    async def decide(call: Any) -> None:
        """Make no decision. The tool waits a quarter of a second."""

    results = [event.result for event in await bought(pid, decide) if isinstance(event, StreamToolResult)]
    assert sorted(result.error or "" for result in results) == ["", "denied", "denied"]


async def test_an_approval_without_a_waiting_call_is_answered_with_not_asked(stage: Stage) -> None:
    pid = await stage.agent("echo")
    assert await agent.approve(pid, "call_1") == NotAsked("call_1")
    assert await agent.deny(pid, "call_1") == NotAsked("call_1")


@pytest.mark.parametrize("isolation", ["task", "process", "thread"])
async def test_progress_is_published_and_not_sent_to_the_model(stage: Stage, api: str, isolation: str) -> None:
    pid = await stage.agent("counter", tools=[counts[isolation]], api_preference=api)
    events = [event async for event in agent.stream(pid, "count")]
    told = [event.data for event in events if isinstance(event, StreamToolProgress)]
    assert told == [1, 2, 3]
    end = events[-1]
    assert isinstance(end, StreamComplete)
    assert end.response.answer == "counted"
