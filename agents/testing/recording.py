"""The events of streams, recorded."""

from actors import Mailbox, Pid
from agents import agent
from agents.core.events import TERMINAL, Event


async def record(pid: Pid, message: str) -> list[Event]:
    """Send the agent a message, and return the events of the answer. The last one is StreamComplete or StreamError."""
    return [event async for event in agent.stream(pid, message)]


async def recordings(pid: Pid) -> list[list[Event]]:
    """Return the events of each stream that the agent has, oldest first. Wait for the end of those that run or wait.

    An agent has its running and waiting streams, and its last ended ones: see `agent.follow`. Neighbouring pieces of
    one text may be joined.
    """
    return [await _recording(pid, stream.id) for stream in (await agent.info(pid)).streams]


async def _recording(pid: Pid, stream_id: str) -> list[Event]:
    events: list[Event] = []
    async with Mailbox() as box:
        if await agent.follow(pid, stream_id):
            while not (events and isinstance(events[-1], TERMINAL)):
                events.append(await box.receive())
    return events
