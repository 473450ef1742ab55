"""What the gateway asks of sessions: a port, so that it works with a store and without one."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import NoReturn, Protocol

from msgspec import structs

from actors import CallFailed, Pid
from actors.slices import in_slices
from agents import agent
from agents.agent_registry import agents_of, find_agent, find_stream, sliced_ids
from agents.contract.sessions import Session, SessionInfo, SessionStream
from agents.core.events import Event
from agents.gateway.errors import Refusal
from agents.instance.info import AgentInfo
from agents.sessions import StreamInfo as KeptStream
from agents.sessions import UnknownSession


class Seen(Protocol):
    """Sessions as they are looked for. A session's id is its agent's. Each answers with None for what it does not
    know."""

    async def wake(self, agent_id: str) -> Pid | None:
        """The agent's process, started from its session if it has none."""

    async def find_stream(self, stream_id: str) -> Pid | None:
        """The process that has the stream; None also for one that is only kept."""

    async def kept_stream(self, stream_id: str) -> KeptStream | None:
        """As it is in the store."""

    async def events(self, stream_id: str, after: int, limit: int) -> list[Event]:
        """Of a stream that is kept, those with a seq above after, up to after + limit."""

    async def sessions(self, after: str | None, limit: int) -> list[SessionInfo]:
        """At most limit of them, those behind after: its id is the last one's of the page before."""

    async def session(self, session_id: str) -> SessionInfo | None: ...


class Sessions(Seen, Protocol):
    """All of them. owner: the user whose it has to be; None: anybody's, or nobody's.

    What is done with a session, once it has been seen, raises UnknownSession if it has gone since.
    """

    async def has_session(self, session_id: str, owner: str | None = None) -> bool: ...

    async def has_stream(self, stream_id: str, owner: str | None = None) -> bool: ...

    async def sessions(self, after: str | None, limit: int, owner: str | None = None) -> list[SessionInfo]: ...

    async def count(self, owner: str) -> int:
        """How many sessions the user has."""

    async def history(self, session_id: str) -> Session: ...

    async def rename(self, session_id: str, title: str | None) -> None:
        """title: None takes it away."""

    async def delete(self, session_id: str) -> None:
        """For good. An agent that has nothing to do is ended first; one that has refuses."""

    def export(self, session_id: str) -> AsyncIterator[bytes]:
        """As JSON Lines. What is wrong is raised before the first one, or cuts it short."""

    async def fork(self, session_id: str, new_id: str, at: tuple[str, int | None] | None) -> None:
        """at: a stream, and the seq of an event in it; None: the last one."""


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

    async def kept_stream(self, stream_id: str) -> KeptStream | None:
        return None

    async def events(self, stream_id: str, after: int, limit: int) -> list[Event]:
        return []

    async def sessions(self, after: str | None, limit: int, owner: str | None = None) -> list[SessionInfo]:
        """In order of their ids."""
        found = []
        for agent_id in await in_slices(sliced_ids(after, limit, owner)):
            pid = find_agent(agent_id)
            with suppress(CallFailed):  # it has ended since
                found += [] if pid is None else [_session(await agent.info(pid))]
        return found

    async def count(self, owner: str) -> int:
        return len(agents_of(owner))

    async def session(self, session_id: str) -> SessionInfo | None:
        pid = find_agent(session_id)
        return None if pid is None else _session(await agent.info(pid))

    async def history(self, session_id: str) -> Session:
        pid = _agent(session_id)
        info = await agent.info(pid)
        streams = [SessionStream(id=each.id, status=each.status, last_seq=each.seq) for each in info.streams]
        return Session(
            **structs.asdict(_session(info)),
            conversation=await agent.conversation(pid),
            streams=streams,
        )

    async def rename(self, session_id: str, title: str | None) -> None:
        _not_kept()

    async def delete(self, session_id: str) -> None:
        if not await agent.retire(_agent(session_id)):
            raise Refusal(409, "expected a session whose agent is idle, got one that answers: cancel that", "conflict")

    def export(self, session_id: str) -> AsyncIterator[bytes]:
        _not_kept()

    async def fork(self, session_id: str, new_id: str, at: tuple[str, int | None] | None) -> None:
        _not_kept()


def _agent(session_id: str) -> Pid:
    pid = find_agent(session_id)
    if pid is None:
        raise UnknownSession(session_id)
    return pid


def _session(info: AgentInfo) -> SessionInfo:
    return SessionInfo(id=info.id, name=info.name, live=True, owner=info.owner, message_count=info.messages)


def _not_kept() -> NoReturn:
    raise Refusal(409, "expected sessions that are kept, got ones in memory: set sessions.durability", "not_kept")


def _is_of(owner: str | None, agent_: Pid | None) -> bool:
    return agent_ is not None and (owner is None or agent_ in agents_of(owner))
