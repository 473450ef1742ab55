"""The registry of agents, by id, stream and owner. Source: API reference, agent_registry:find_agent/1.

An agent's name in the process system is its id with a prefix. It is unique, and free again when the agent ends. An
agent is a member of one process group per stream (waiting, running or recently ended), and of its owner's group. So the
registry finds an agent without a call to it, even if the agent is blocked.
"""

import asyncio
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from heapq import nsmallest
from typing import Final
from weakref import WeakKeyDictionary

from actors import InvalidArgument, Mailbox, Pid, pg, register, unregister, whereis
from actors.kernel.errors import named
from actors.observer import processes
from actors.server.server_process import ServerProcess
from actors.system.current import current_system
from actors.system.process_system import ProcessSystem
from supervisors.agent_supervisor import NAME_PREFIX

__all__ = ["agents_of", "find_agent", "find_stream", "is_agent"]

FORMER_PREFIX: Final = "former:"
"""The beginning of the name of a stand-in whose agent has come to this node."""

LEAVING_PREFIX: Final = "leaving:"
"""The beginning of the name of an agent that ends in order, and whose id is free for its successor."""

_expected: Final[WeakKeyDictionary[ProcessSystem, set[str]]] = WeakKeyDictionary()
"""The ids of the agents that have started and not ended in order. Their supervisor may restart them."""


_awaited: Final[WeakKeyDictionary[ProcessSystem, dict[str, asyncio.Future[Pid]]]] = WeakKeyDictionary()
"""The agents for whose start somebody waits, by their ids."""


def find_agent(agent_id: str) -> Pid | None:
    """Return the running agent with this id, or None. Raises InvalidArgument for an id that is not a str."""
    return whereis(NAME_PREFIX + _text(agent_id, "the id of an agent"))


def is_agent(pid: Pid) -> bool:
    """Return whether the process runs and has an agent's name. It may belong to the system of any thread.

    A stand-in for an agent of another node has such a name, too.
    """
    prefixes = NAME_PREFIX, FORMER_PREFIX, LEAVING_PREFIX
    return pid.process is not None and (pid.process.name or "").startswith(prefixes)


def id_of(pid: Pid) -> str | None:
    """Return the id of an agent that runs or ends here, or of the agent of a stand-in; None for another process."""
    if pid.process is None or not is_agent(pid):
        return None
    prefix, _, rest = (pid.process.name or "").partition(":")
    return rest.rpartition(":")[0] if f"{prefix}:" == FORMER_PREFIX else rest


def stands_in(pid: Pid | None) -> bool:
    """Return whether the process is the stand-in of an agent of another node."""
    if pid is None or pid.process is None:
        return False
    return _is_former(pid) or pid in pg.members(_standing_in(pid.process.name or ""))


def begin_to_stand_in(pid: Pid, agent_id: str) -> None:
    """Give the stand-in the name of its agent. Raises NameTaken."""
    register(name_of(agent_id), pid)
    pg.join(_standing_in(name_of(agent_id)), pid)


def step_aside(agent_id: str) -> None:
    """Free the id for the agent, which is about to start here. Its stand-in, if there is one, keeps its subscribers."""
    pid = whereis(name_of(agent_id))
    if pid is not None and stands_in(pid):
        pg.leave(_standing_in(name_of(agent_id)), pid)
        unregister(name_of(agent_id))
        register(f"{FORMER_PREFIX}{agent_id}:{pid.number}", pid)


def leave(pid: Pid, agent_id: str) -> None:
    """Free the id of an agent that ends in order. Its successor starts as soon as the agent has ended."""
    unregister(name_of(agent_id))
    register(LEAVING_PREFIX + agent_id, pid)


def leaving(agent_id: str) -> Pid | None:
    """Return the agent that ends and has freed this id, or None."""
    return whereis(LEAVING_PREFIX + agent_id)


def name_of(agent_id: str) -> str:
    return NAME_PREFIX + agent_id


def expect(agent_id: str) -> None:
    """Record that the agent's supervisor restarts it if it crashes. The agent calls this."""
    _expected.setdefault(current_system(), set()).add(agent_id)


def expect_no_more(agent_id: str) -> None:
    """Record that the agent ends in order. The agent calls this."""
    _expected.get(current_system(), set()).discard(agent_id)


def is_expected(agent_id: str) -> bool:
    """Return whether an agent with this id runs or may be being restarted."""
    return agent_id in _expected.get(current_system(), ())


def has_begun(agent_id: str, agent: Pid) -> None:
    """Tell those who wait for the begin of this agent. The agent calls this as it starts."""
    waiting = _awaited.get(current_system(), {}).pop(agent_id, None)
    if waiting is not None and not waiting.done():
        waiting.set_result(agent)


async def begun(agent_id: str, timeout_s: float) -> Pid | None:
    """Return the agent with this id as soon as it starts here; None if it does not within timeout_s."""
    waiting = _awaited.setdefault(current_system(), {}).setdefault(agent_id, asyncio.Future())
    done, _ = await asyncio.wait([waiting], timeout=timeout_s)
    return waiting.result() if done else None


def belongs_to(agent: Pid, owner: str) -> None:
    """Record the agent's owner. The agent calls this once."""
    pg.join(_of_owner(owner), agent)


def agents_of(owner: str) -> list[Pid]:
    """Return the running agents of this user. A stand-in counts as its agent, until the agent is on this node."""
    return [pid for pid in pg.members(_of_owner(_text(owner, "the name of a user"))) if not _has_left(pid)]


def sliced_ids(after: str | None, limit: int, owner: str | None = None) -> Generator[None, None, list[str]]:
    """Find the first ids of this node's running agents above after, in order. A generator for `in_slices`.

    owner: only this user's agents; None: all agents.
    """
    found: list[str] = []
    for pid in processes() if owner is None else agents_of(owner):
        yield
        process = pid.process
        name = process.name if isinstance(process, ServerProcess) else None  # not the holder of a reserved id
        if name is None or not name.startswith(NAME_PREFIX) or stands_in(pid):
            continue
        if after is None or name > NAME_PREFIX + after:
            found.append(name.removeprefix(NAME_PREFIX))
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
    having = pg.members(_group(_text(stream_id, "the id of a stream")))
    return having[0] if having else None


def has_stream(agent: Pid, stream_id: str) -> None:
    """Record that the agent has this stream. Only the agent calls this; repeated calls have no effect."""
    if agent not in pg.members(_group(stream_id)):
        pg.join(_group(stream_id), agent)


def has_no_stream(agent: Pid, stream_id: str) -> None:
    """Record that the agent does not have this stream. Only the agent calls this."""
    if agent in pg.members(_group(stream_id)):
        pg.leave(_group(stream_id), agent)


def _text(given: object, expected: str) -> str:
    if not isinstance(given, str):
        raise InvalidArgument(expected, named(given))
    return given


def _is_former(pid: Pid) -> bool:
    return pid.process is not None and (pid.process.name or "").startswith(FORMER_PREFIX)


def _has_left(pid: Pid) -> bool:
    return pid.process is not None and (pid.process.name or "").startswith((FORMER_PREFIX, LEAVING_PREFIX))


def _standing_in(name: str) -> tuple[str, str]:
    return "stand_in", name


def _of_owner(owner: str) -> tuple[str, str]:
    return "owner", owner


def _group(stream_id: str) -> tuple[str, str]:
    return "stream", stream_id
