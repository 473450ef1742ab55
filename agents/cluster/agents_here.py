"""The agents that run on this node. A stand-in is not one of them."""

from collections.abc import Iterable
from contextlib import suppress

from actors import CallFailed, Pid
from actors.slices import in_slices
from agents import agent
from agents.agent_registry import find_agent, sliced_ids
from agents.instance.info import AgentInfo
from supervisors.agent_supervisor import NAME_PREFIX


async def infos_here(after: str | None, limit: int, owner: str | None = None) -> list[AgentInfo]:
    """Return the first agents with an id above after, in order of their ids. owner: only this user's agents."""
    found = []
    for agent_id in await in_slices(sliced_ids(after, limit, owner)):
        pid = find_agent(agent_id)
        with suppress(CallFailed):  # the agent has ended since
            found += [] if pid is None else [await agent.info(pid)]
    return found


def ids_of(agents: Iterable[Pid]) -> list[str]:
    """Return the ids of running agents."""
    names = (pid.process.name or "" for pid in agents if pid.process is not None)
    return [name.removeprefix(NAME_PREFIX) for name in names]
