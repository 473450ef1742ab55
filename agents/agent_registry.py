"""Which agent has which id, and which has which stream. Source: API reference, agent_registry:find_agent/1.

An agent's name in the process system is its id with a prefix: unique, and given back when the agent ends. An agent is a
member of the process group of each stream that it has, those that wait, run or have ended not long ago, and of its
owner's. So each of these is known without asking the agent, which may be held up.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from heapq import nsmallest

from actors import Mailbox, Pid, pg, register, whereis
from actors.observer import processes
from actors.server.server_process import ServerProcess

PREFIX = "agent:"


def find_agent(agent_id: str) -> Pid | None:
    """The living agent with this id."""
    return whereis(PREFIX + agent_id)


def is_agent(pid: Pid) -> bool:
    """A living process has the name of an agent. Of any thread's system: nothing is asked."""
    return pid.process is not None and any(name.startswith(PREFIX) for name in pid.process.names)


def name_of(agent_id: str) -> str:
    return PREFIX + agent_id


def belongs_to(agent: Pid, owner: str) -> None:
    """Called by the agent, once."""
    pg.join(_of_owner(owner), agent)


def agents_of(owner: str) -> list[Pid]:
    """The living agents that belong to this user."""
    return pg.members(_of_owner(owner))


def sliced_ids(after: str | None, limit: int, owner: str | None = None) -> Generator[None, None, list[str]]:
    """For `in_slices`: the first ids of living agents in their order, those above after.

    owner: the user to whom they belong; None: anyone's.
    """
    found: list[str] = []
    for pid in processes() if owner is None else agents_of(owner):
        yield
        process = pid.process
        names = process.names if isinstance(process, ServerProcess) else ()  # not the holder of a reserved id
        ids = (name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX))
        found += [each for each in ids if after is None or each > after]
    return nsmallest(limit, found)


@contextmanager
def reserved(agent_id: str) -> Iterator[None]:
    """Within the block no agent can start with this id, whoever wants it to. Raises NameTaken if one lives.

    Who finds the id in use, and asks whoever has it, is told at the end of the block that it has ended.
    """
    holder = Mailbox()
    try:
        register(name_of(agent_id), holder.pid)
        yield
    finally:
        holder.close()


def find_stream(stream_id: str) -> Pid | None:
    """The living agent that has this stream."""
    having = pg.members(_group(stream_id))
    return having[0] if having else None


def has_stream(agent: Pid, stream_id: str) -> None:
    """Called by the agent, as often as it likes."""
    if agent not in pg.members(_group(stream_id)):
        pg.join(_group(stream_id), agent)


def has_no_stream(agent: Pid, stream_id: str) -> None:
    """Called by the agent that has it no more, or never had."""
    if agent in pg.members(_group(stream_id)):
        pg.leave(_group(stream_id), agent)


def _of_owner(owner: str) -> tuple[str, str]:
    return "owner", owner


def _group(stream_id: str) -> tuple[str, str]:
    return "stream", stream_id
