"""The agents that run on this node. A stand-in is not one of them."""

from contextlib import suppress

from actors import CallFailed
from actors.slices import in_slices
from agents import agent
from agents.agent_registry import find_agent, sliced_ids
from agents.instance.info import AgentInfo


async def infos_here(after: str | None, limit: int, owner: str | None = None) -> list[AgentInfo]:
    """Return the first agents with an id above after, in order of their ids. owner: only this user's agents."""
    found = []
    for agent_id in await in_slices(sliced_ids(after, limit, owner)):
        pid = find_agent(agent_id)
        with suppress(CallFailed):  # the agent has ended since
            found += [] if pid is None else [await agent.info(pid)]
    return found
