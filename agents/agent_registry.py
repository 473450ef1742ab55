"""The registry of agents, by id, stream and owner. Source: API reference, agent_registry:find_agent/1.

An agent's name in the process system is its id with a prefix. It is unique, and free again when the agent ends. An
agent is a member of one process group per stream (waiting, running or recently ended), and of its owner's group. So the
registry finds an agent without a call to it, even if the agent is blocked.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from heapq import nsmallest

from actors import Mailbox, Pid, pg, register, whereis
from actors.observer import processes
from actors.server.server_process import ServerProcess

__all__ = ["agents_of", "find_agent", "find_stream", "is_agent"]

PREFIX = "agent:"


def find_agent(agent_id: str) -> Pid | None:
    """Return the running agent with this id, or None."""
    return whereis(PREFIX + agent_id)


def is_agent(pid: Pid) -> bool:
    """Return whether the process runs and has an agent's name. It may belong to the system of any thread."""
    return pid.process is not None and (pid.process.name or "").startswith(PREFIX)


def name_of(agent_id: str) -> str:
    return PREFIX + agent_id


def belongs_to(agent: Pid, owner: str) -> None:
    """Record the agent's owner. The agent calls this once."""
    pg.join(_of_owner(owner), agent)


def agents_of(owner: str) -> list[Pid]:
    """Return the running agents of this user."""
    return pg.members(_of_owner(owner))


def sliced_ids(after: str | None, limit: int, owner: str | None = None) -> Generator[None, None, list[str]]:
    """Find the first ids of running agents above after, in order. A generator for `in_slices`.

    owner: only this user's agents; None: all agents.
    """
    found: list[str] = []
    for pid in processes() if owner is None else agents_of(owner):
        yield
        process = pid.process
        name = process.name if isinstance(process, ServerProcess) else None  # not the holder of a reserved id
        if name is not None and name.startswith(PREFIX) and (after is None or name > PREFIX + after):
            found.append(name.removeprefix(PREFIX))
    return nsmallest(limit, found)


@contextmanager
def reserved(agent_id: str) -> Iterator[None]:
    """Reserve the id: within the block no agent can start with it. Raises NameTaken if such an agent runs.

    A caller who sends a request to the reserved name gets CallFailed when the block ends.
    """
    holder = Mailbox()
    try:
        register(name_of(agent_id), holder.pid)
        yield
    finally:
        holder.close()


def find_stream(stream_id: str) -> Pid | None:
    """Return the running agent that has this stream, or None."""
    having = pg.members(_group(stream_id))
    return having[0] if having else None


def has_stream(agent: Pid, stream_id: str) -> None:
    """Record that the agent has this stream. Only the agent calls this; repeated calls have no effect."""
    if agent not in pg.members(_group(stream_id)):
        pg.join(_group(stream_id), agent)


def has_no_stream(agent: Pid, stream_id: str) -> None:
    """Record that the agent does not have this stream. Only the agent calls this."""
    if agent in pg.members(_group(stream_id)):
        pg.leave(_group(stream_id), agent)


def _of_owner(owner: str) -> tuple[str, str]:
    return "owner", owner


def _group(stream_id: str) -> tuple[str, str]:
    return "stream", stream_id
