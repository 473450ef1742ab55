"""Turns as a subscriber sees them: their questions, their answers, and their pauses without a process."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

from actors import Pid, ended
from agents import Event, StreamApprovalRequired, StreamComplete, StreamSubAgent, agent

Answering = Callable[[StreamApprovalRequired], Awaitable[Any]]


def own(event: Event) -> Any:
    """Return the event, or the one of a sub-agent that it carries."""
    return event.event if isinstance(event, StreamSubAgent) else event


def answer_of(events: list[Event]) -> str:
    """Return the answer of a turn that is complete."""
    end = events[-1]
    assert isinstance(end, StreamComplete), end
    return end.response.answer


async def turn(pid: Pid, message: str, answering: Answering) -> list[Event]:
    """Return the events of a turn. answering: called with each question, also with those of sub-agents."""
    events = []
    async for event in agent.stream(pid, message):
        events.append(event)
        if isinstance(each := own(event), StreamApprovalRequired):
            await answering(each)
    return events


async def questions(events: AsyncGenerator[Event, None], count: int) -> list[StreamApprovalRequired]:
    """Return the next questions of a turn, also those of sub-agents."""
    found: list[StreamApprovalRequired] = []
    async for event in events:
        if isinstance(each := own(event), StreamApprovalRequired):
            found.append(each)
            if len(found) == count:
                return found
    raise AssertionError(f"expected {count} questions, got {len(found)}")


@asynccontextmanager
async def parked(
    pid: Pid, message: str, count: int
) -> AsyncIterator[tuple[AsyncGenerator[Event, None], list[StreamApprovalRequired]]]:
    """Begin a turn that waits for people. Yield its further events and its questions when its agent has ended."""
    async with aclosing(agent.stream(pid, message)) as events:
        waiting = await questions(events, count)
        await ended(pid)
        yield events, waiting


async def park(pid: Pid, message: str, count: int) -> list[StreamApprovalRequired]:
    """Begin a turn that waits for people. Return its questions when its agent has ended."""
    async with parked(pid, message, count) as (_, waiting):
        return waiting
