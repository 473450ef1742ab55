"""What the gateway asks of sessions: a port, so that it works with a store and without one."""

from typing import Protocol

from msgspec import Struct

from actors import CallFailed, Pid
from agents import agent
from agents.agent_registry import agents_of, find_agent, find_stream
from agents.core.conversation import Conversation
from agents.core.events import Event
from supervisors import agent_supervisor


class SessionInfo(Struct, frozen=True, omit_defaults=True):
    """id: of the session, which is its agent's. live: has it a process now. owner: the user whose it is."""

    id: str
    name: str
    live: bool
    owner: str | None = None


class Sessions(Protocol):
    """A session's id is its agent's. Each answers with None for what it does not know.

    owner: the user whose it has to be; None: anybody's, or nobody's.
    """

    async def has_session(self, session_id: str, owner: str | None = None) -> bool: ...

    async def has_stream(self, stream_id: str, owner: str | None = None) -> bool: ...

    async def wake(self, agent_id: str) -> Pid | None:
        """The agent's process, started from its session if it has none."""

    async def find_stream(self, stream_id: str) -> Pid | None:
        """The process that has the stream; None also for one that is over and known to `events` alone."""

    async def events(self, stream_id: str, after: int) -> list[Event] | None:
        """Of a stream that no process has any more: its events with a seq above after."""

    async def sessions(self, after: str | None, limit: int, owner: str | None = None) -> list[SessionInfo]:
        """At most limit of them, those behind after: its id is the last one's of the page before."""

    async def conversation(self, session_id: str) -> Conversation | None: ...


class LiveSessions:
    """Sessions without a store: those of the agents that run, and what they remember of their streams."""

    async def has_session(self, session_id: str, owner: str | None = None) -> bool:
        return _is_of(owner, find_agent(session_id))

    async def has_stream(self, stream_id: str, owner: str | None = None) -> bool:
        return _is_of(owner, find_stream(stream_id))

    async def wake(self, agent_id: str) -> Pid | None:
        return find_agent(agent_id)

    async def find_stream(self, stream_id: str) -> Pid | None:
        return find_stream(stream_id)

    async def events(self, stream_id: str, after: int) -> list[Event] | None:
        return None

    async def sessions(self, after: str | None, limit: int, owner: str | None = None) -> list[SessionInfo]:
        found = []
        for pid in await agent_supervisor.which_agents() if owner is None else agents_of(owner):
            try:
                info = await agent.info(pid)
            except CallFailed:
                continue  # it has ended since
            found.append(SessionInfo(info.id, info.name, live=True, owner=info.owner))
        behind = sorted((each for each in found if after is None or each.id > after), key=lambda each: each.id)
        return behind[:limit]

    async def conversation(self, session_id: str) -> Conversation | None:
        pid = find_agent(session_id)
        return None if pid is None else await agent.conversation(pid)


def _is_of(owner: str | None, agent_: Pid | None) -> bool:
    return agent_ is not None and (owner is None or agent_ in agents_of(owner))
