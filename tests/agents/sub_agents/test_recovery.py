"""A turn of a sub-agent that was cut: the call of its caller continues it, or nothing does."""

import asyncio
from typing import Any

from actors import Mailbox, call
from agents import (
    Interrupted,
    Pid,
    StreamApprovalRequired,
    StreamComplete,
    StreamError,
    StreamStart,
    StreamSubAgent,
    agent,
    find_agent,
    start_agent,
)
from agents.instance.requests import HandOver
from tests.agents.keeping import App, journal
from tests.agents.sub_agents.test_as_tool import SCRIPT, below, paid, pays

__all__ = ["SCRIPT"]


async def boss() -> Pid:
    return await start_agent(id="boss", model="boss", tools=[below("boss", tools=[below("buys", tools=[pays])])])


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
            if isinstance(rest[-1], StreamSubAgent) and isinstance(asked := rest[-1].event, StreamApprovalRequired):
                await agent.approve(pid, asked.tool_call.id, stream_id=asked.stream_id)
    return rest


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
    while (pid := find_agent(stream_id)) is None:  # noqa: ASYNC110 (of a process that nothing waits for)
        await asyncio.sleep(0.01)
    async with Mailbox() as box:
        assert await agent.follow(pid, stream_id)
        while not isinstance(event := await box.receive(30), StreamError):
            pass
    return event.reason
