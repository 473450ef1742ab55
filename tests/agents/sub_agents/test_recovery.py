"""A turn of a sub-agent that was cut: the call of its caller continues it, or nothing does."""

from typing import Any

import pytest
from msgspec.structs import replace

from actors import Mailbox, call
from agents import (
    Interrupted,
    InvalidAgentConfig,
    Pid,
    StreamApprovalRequired,
    StreamComplete,
    StreamError,
    StreamStart,
    StreamSubAgent,
    agent,
    find_agent,
    start_agent,
    tool,
    wake,
)
from agents.agent_registry import begun
from agents.instance.requests import HandOver
from tests.agents.keeping import App, journal
from tests.agents.sub_agents.test_as_tool import SCRIPT, below, paid, pays
from tests.waiting import eventually

__all__ = ["SCRIPT"]


async def boss() -> Pid:
    return await start_agent(id="boss", model="boss", tools=[below("boss", tools=[below("buys", tools=[pays])])])


async def lone_boss() -> Pid:
    """Start an agent that only its program can start again: one of its tools has no address."""

    @tool(isolation="task")
    async def here() -> None:
        """Do nothing."""

    return await start_agent(id="boss", model="boss", tools=[below("buys", tools=[pays]), here])


async def until_asked(pid: Pid) -> list[Any]:
    events = []
    async for event in agent.stream(pid, "x"):
        events.append(event)
        if isinstance(event, StreamSubAgent) and isinstance(event.event, StreamApprovalRequired):
            break
    return events


async def cut_while_a_call_below_waits() -> list[Any]:
    """Leave the turns of three agents without an end, as a node does that hands them over."""
    paid.clear()
    pid = await boss()
    events = await until_asked(pid)
    assert await call(pid, HandOver(at_once=True))
    open_ = await (await journal()).store.open_streams()
    assert len(open_) == 3
    return events


async def test_turns_below_that_are_handed_over_continue_with_their_callers(app: App) -> None:
    async with app():
        seen = await cut_while_a_call_below_waits()
    async with app():
        pid = await boss()
        rest = await _approved(pid, seen)
        assert isinstance(end := rest[-1], StreamComplete)
        assert end.response.answer == "So: So: Bought: paid 5"
        assert paid == [5]
        below_ = [each.event for each in (*seen, *rest) if isinstance(each, StreamSubAgent)]
        assert len({(each.stream_id, each.seq) for each in below_}) == len(below_)
        assert len([each for each in below_ if isinstance(each, StreamStart)]) == 2


async def _approved(pid: Pid, seen: list[Any]) -> list[Any]:
    """Return the events of the continued turn. Approve the call below at the agent above."""
    rest: list[Any] = []
    async with Mailbox() as box:
        assert await agent.follow(pid, seen[-1].stream_id, after=seen[-1].seq)
        while not rest or not isinstance(rest[-1], StreamComplete | StreamError):
            rest.append(await box.receive(30))
            asked = rest[-1].event if isinstance(rest[-1], StreamSubAgent) else rest[-1]
            if isinstance(asked, StreamApprovalRequired):
                await agent.approve(pid, asked.tool_call.id, stream_id=asked.stream_id)
    return rest


async def test_a_sub_agent_whose_turn_was_cut_does_not_start_without_its_caller(app: App) -> None:
    async with app():
        seen = await cut_while_a_call_below_waits()
    async with app():
        for stream_id in {event.event.stream_id for event in seen if isinstance(event, StreamSubAgent)}:
            with pytest.raises(InvalidAgentConfig, match="code that this program gave an agent"):
                await wake(stream_id)  # which starts the caller first: this program has not given it the tool
            assert find_agent(stream_id) is None
        rest = await _approved(await boss(), seen)
        assert isinstance(end := rest[-1], StreamComplete)
        assert end.response.answer == "So: So: Bought: paid 5"


async def test_a_sub_agent_that_had_ended_is_not_asked_again(app: App) -> None:
    paid.clear()
    async with app():
        pid = await lone_boss()
        seen = await until_asked(pid)
        assert await call(pid, HandOver(at_once=True))
    (stream_id,) = {event.event.stream_id for event in seen if isinstance(event, StreamSubAgent)}
    async with app():
        own = await start_agent(id=stream_id, model="buys", tools=[pays])  # the turn ends without its caller
        await _approved(own, [replace(seen[-1].event, seq=0)])
        await eventually(lambda: agent.retire(own), what="the end of an agent whose turn is recorded")
        rest = await _approved(await lone_boss(), seen)
        assert isinstance(end := rest[-1], StreamComplete)
        assert end.response.answer == "So: Bought: paid 5"
        assert paid == [5]
        below_ = [each.event for each in (*seen, *rest) if isinstance(each, StreamSubAgent)]
        assert isinstance(below_[-1], StreamComplete)
        assert len({each.seq for each in below_}) == len(below_)


async def test_a_sub_agent_that_its_program_has_started_by_its_id_answers_the_call(app: App) -> None:
    paid.clear()
    async with app():
        seen = await until_asked(pid := await lone_boss())
        assert await call(pid, HandOver(at_once=True))
    async with app():
        await start_agent(id=seen[-1].event.stream_id, model="buys", tools=[pays])
        rest = await _approved(await lone_boss(), seen)
        assert isinstance(end := rest[-1], StreamComplete)
        assert end.response.answer == "So: Bought: paid 5"
        assert paid == [5]


async def test_turns_below_a_turn_that_does_not_continue_end_as_interrupted(app: App) -> None:
    async with app():
        seen = await cut_while_a_call_below_waits()
    async with app(on_restart="interrupt"):
        pid = await boss()
        await agent.conversation(pid)
        for stream_id in {event.event.stream_id for event in seen if isinstance(event, StreamSubAgent)}:
            assert await _end_of(stream_id) == Interrupted()
        assert paid == []


async def _end_of(stream_id: str) -> Any:
    """Return the reason with which a stream ends."""
    pid = find_agent(stream_id) or await begun(stream_id, 30)
    assert pid is not None
    async with Mailbox() as box:
        assert await agent.follow(pid, stream_id)
        while not isinstance(event := await box.receive(30), StreamError):
            pass
    return event.reason
