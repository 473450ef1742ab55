"""A hand-off: another agent's instructions, model and tools go on with the same conversation."""

from typing import Any

import pytest

from actors import Mailbox, call
from agents import (
    InvalidAgentConfig,
    Pid,
    StreamApprovalRequired,
    StreamComplete,
    StreamHandoff,
    StreamStart,
    StreamToolResult,
    agent,
    start_agent,
    tool,
)
from agents.instance.requests import HandOver
from tests.agents.keeping import App
from tests.agents.stage import Stage
from tests.agents.sub_agents.test_as_tool import paid, pays

SCRIPT = """
[models.desk]
[[models.desk.turns]]
steps = [{ tool_calls = [{ name = "transfer_to_billing", arguments = {} }] }, { text = "Desk." }]

[models.bills]
[[models.bills.turns]]
match = "back"
steps = [{ tool_calls = [{ name = "transfer_to_desk", arguments = {} }] }, { text = "Bills." }]

[[models.bills.turns]]
steps = [
    { text = "wrong: the desk's calls of this turn are a round, too" },
    { tool_calls = [{ name = "bill", arguments = {} }] },
    { text = "Your bill: {result:1}" },
]

[models.takes]
[[models.takes.turns]]
steps = [{ text = "?" }, { tool_calls = [{ name = "pays", arguments = { euros = 5 } }] }, { text = "{result:1}" }]

[models.loops]
[[models.loops.turns]]
steps = [{ tool_calls = [{ name = "transfer_to_loops", arguments = {} }] }]
"""


@tool(isolation="task")
async def bill() -> str:
    """Look the bill up."""
    return "5 euros"


def desk(**more: Any) -> Any:
    billing = {"name": "billing", "model": "bills", "system_prompt": "You bill.", "tools": [bill]}
    billing |= {"description": "Knows the bills."}
    return {"id": "desk", "model": "desk", "system_prompt": "You greet.", "handoffs": [billing], **more}


async def events_of(pid: Pid | str, message: str) -> list[Any]:
    return [event async for event in agent.stream(pid, message)]


async def test_after_a_hand_off_the_other_agents_model_instructions_and_tools_hold(stage: Stage, api: str) -> None:
    billing = {**desk()["handoffs"][0], "api_preference": api}
    events = await events_of(await start_agent(desk(api_preference=api, handoffs=[billing])), "What do I owe?")
    assert events[-1].response.answer == "Your bill: 5 euros"
    first, second, third = stage.server.requests
    assert [each["model"] for each in (first, second, third)] == ["desk", "bills", "bills"]
    assert ["You greet." in str(each) for each in (first, second)] == [True, False]
    assert ["You bill." in str(each) for each in (first, second)] == [False, True]
    assert "What do I owe?" in str(second)
    assert "Hand the conversation over to billing. Knows the bills." in str(first["tools"])
    assert "Look the bill up." in str(second["tools"])
    assert len({event.stream_id for event in events}) == 1


async def test_the_stream_says_who_speaks(stage: Stage) -> None:
    pid = await start_agent(desk())
    first = await events_of(pid, "What do I owe?")
    kinds = [type(event) for event in first]
    assert [event.speaker for event in first if isinstance(event, StreamHandoff)] == ["billing"]
    assert kinds.index(StreamHandoff) == kinds.index(StreamToolResult) + 1
    second = await events_of(pid, "And now?")
    assert [event.speaker for event in (*first, *second) if isinstance(event, StreamStart)] == [None, "billing"]


async def test_the_next_message_goes_to_the_agent_that_speaks(stage: Stage) -> None:
    pid = await start_agent(desk())
    await agent.chat(pid, "What do I owe?")
    await agent.chat(pid, "And now?")
    assert stage.server.requests[3]["model"] == "bills"
    assert "What do I owe?" in str(stage.server.requests[3])


async def test_an_agent_may_hand_back(stage: Stage) -> None:
    billing = {**desk()["handoffs"][0], "handoffs": ["desk"]}
    pid = await start_agent(desk(handoffs=[billing]))
    await agent.chat(pid, "What do I owe?")
    events = await events_of(pid, "back")
    assert [event.speaker for event in events if isinstance(event, StreamHandoff)] == ["desk"]
    assert events[-1].response.answer == "Desk."
    assert "You greet." in str(stage.server.requests[-1])


async def test_the_speaker_is_the_same_after_a_restart(app: App) -> None:
    async with app():
        await agent.chat(await start_agent(desk()), "What do I owe?")
    async with app():
        pid = await start_agent(desk())
        events = await events_of(pid, "And now?")
        assert events[0].speaker == "billing"


async def test_hand_offs_of_one_turn_are_limited(stage: Stage) -> None:
    pid = await start_agent(id="loops", model="loops", handoffs=[{"name": "loops", "model": "loops"}])
    events = await events_of(pid, "go")
    refused = [e.result for e in events if isinstance(e, StreamToolResult) and e.result.error is not None]
    assert "this turn has 5 hand-offs, which is sub_agents.max_handoffs" in refused[0].content
    assert len([e for e in events if isinstance(e, StreamHandoff)]) == 5


async def test_an_unknown_agent_is_refused_when_the_agent_starts(stage: Stage) -> None:
    with pytest.raises(InvalidAgentConfig, match=r"handoffs\[0\]: expected the name of an agent"):
        await start_agent(desk(handoffs=["billing"]))
    with pytest.raises(InvalidAgentConfig, match=r"handoffs\[0\]\.modle"):
        await start_agent(desk(handoffs=[{"name": "billing", "modle": "x"}]))


async def test_a_turn_that_is_cut_after_a_hand_off_continues_with_the_agent_that_spoke(app: App) -> None:
    paid.clear()
    config = desk(handoffs=[{"name": "billing", "model": "takes", "tools": [pays]}])
    async with app():
        pid = await start_agent(config)
        async for event in agent.stream(pid, "x"):
            if isinstance(event, StreamApprovalRequired):
                break
        assert await call(pid, HandOver(at_once=True))
    async with app():
        pid = await start_agent(config)
        async with Mailbox() as box:
            assert await agent.follow(pid, event.stream_id, after=event.seq)
            while not isinstance(event := await box.receive(30), StreamComplete):
                if isinstance(event, StreamApprovalRequired):
                    await agent.approve(pid, event.tool_call.id)
        assert event.response.answer == "paid 5"
        assert paid == [5]
        assert (await events_of(pid, "y"))[0].speaker == "billing"
