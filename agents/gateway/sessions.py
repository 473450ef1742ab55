"""The gateway's port to sessions, with a store or without one."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import NoReturn, Protocol

from actors import Pid
from agents import agent
from agents.agent_registry import agents_of, find_agent, find_stream
from agents.cluster.everywhere import running_everywhere
from agents.contract.sessions import Session, SessionInfo, SessionStream
from agents.contract.spending import SpendBy, SpendReport
from agents.contract.stored import session as whole_session
from agents.core.events import Event
from agents.gateway.errors import Refusal
from agents.instance.info import AgentInfo
from agents.sessions import DatedMessage, StreamRecord, UnknownSession


class Sessions(Protocol):
    """Look-up of sessions and streams, and changes to them. A session has the id of its agent.

    owner: the user to whom a session must belong; None: any user, or none. A look-up returns None, or an empty list,
    for an unknown id. A change raises UnknownSession if the session no longer exists. keeps: whether sessions outlive
    their agents.
    """

    keeps: bool

    async def has_session(self, session_id: str, owner: str | None = None) -> bool: ...

    async def has_stream(self, stream_id: str, owner: str | None = None) -> bool: ...

    async def wake(self, agent_id: str) -> Pid | None:
        """Return the agent's process. Start the process from the agent's session if it does not run."""

    async def is_parked(self, session_id: str) -> bool:
        """Return whether the session's turn waits for people without an agent."""

    async def find_stream(self, stream_id: str) -> Pid | None:
        """Return the process that has the stream; None for a stream that is only in the store."""

    async def kept_stream(self, stream_id: str) -> StreamRecord | None:
        """Return the stream's record in the store."""

    async def begun_elsewhere(self, stream_id: str) -> str | None:
        """Return the session of a stream that only another node knows: its begin is not in the store yet."""

    async def events(self, stream_id: str, after: int, limit: int) -> list[Event]:
        """Return the events of a stream in the store with a seq in (after, after + limit]."""

    async def sessions(self, after: str | None, limit: int, owner: str | None = None) -> list[SessionInfo]:
        """Return a page of at most limit sessions. after: the last id of the previous page."""

    async def session(self, session_id: str) -> SessionInfo | None: ...

    async def has_open_turn(self, session_id: str) -> bool:
        """Return whether the session has a turn that is not over, running or cut."""

    async def count(self, owner: str) -> int:
        """Return the number of the user's sessions."""

    async def history(self, session_id: str) -> Session: ...

    async def rename(self, session_id: str, title: str | None) -> None:
        """Set the session's title; None removes it."""

    async def delete(self, session_id: str) -> None:
        """Delete the session permanently, after its agent has stopped. Raises Refusal if the agent is busy."""

    def export(self, session_id: str) -> AsyncIterator[bytes]:
        """Yield the session as JSON Lines. An error is raised before the first line, or ends the export early."""

    async def part(self, session_id: str, key: str) -> bytes | None:
        """Return the bytes of the session's part with this hash, or None."""

    async def spending(self, by: SpendBy, since: datetime | None, owner: str | None = None) -> SpendReport:
        """Return what model calls have spent since a time, also those of deleted sessions."""

    async def fork(self, session_id: str, new_id: str, at: tuple[str, int | None] | None) -> None:
        """Copy the session up to a place.

        at: a stream, and the seq of an event in the stream; None: all turns that have ended.
        """


class LiveSessions:
    """Sessions without a store: those of the running agents, which remember their last streams."""

    keeps = False

    async def has_session(self, session_id: str, owner: str | None = None) -> bool:
        return _is_of(owner, find_agent(session_id))

    async def has_stream(self, stream_id: str, owner: str | None = None) -> bool:
        return _is_of(owner, find_stream(stream_id))

    async def wake(self, agent_id: str) -> Pid | None:
        return find_agent(agent_id)

    async def is_parked(self, session_id: str) -> bool:
        return False

    async def find_stream(self, stream_id: str) -> Pid | None:
        return find_stream(stream_id)

    async def kept_stream(self, stream_id: str) -> StreamRecord | None:
        return None

    async def begun_elsewhere(self, stream_id: str) -> str | None:
        return None

    async def events(self, stream_id: str, after: int, limit: int) -> list[Event]:
        return []

    async def sessions(self, after: str | None, limit: int, owner: str | None = None) -> list[SessionInfo]:
        """Return the sessions in order of their ids, those of the other nodes too."""
        return [_session(info) for info in await running_everywhere(after, limit, owner)]

    async def has_open_turn(self, session_id: str) -> bool:
        """Return True: an agent that runs may begin a turn at any moment."""
        return True

    async def count(self, owner: str) -> int:
        return len(agents_of(owner))

    async def session(self, session_id: str) -> SessionInfo | None:
        pid = find_agent(session_id)
        return None if pid is None else _session(await agent.info(pid))

    async def history(self, session_id: str) -> Session:
        pid = _agent(session_id)
        found = await agent.history(pid)
        streams = [SessionStream(id=each.id, status=each.status, last_seq=each.seq) for each in found.info.streams]
        conversation = map(DatedMessage, found.conversation, found.times)
        return whole_session(_session(found.info), conversation, streams, found.running)

    async def rename(self, session_id: str, title: str | None) -> None:
        _not_kept()

    async def delete(self, session_id: str) -> None:
        if not await agent.retire(_agent(session_id)):
            raise Refusal(409, "expected a session whose agent is idle, got a busy one: cancel its turn", "conflict")

    def export(self, session_id: str) -> AsyncIterator[bytes]:
        _not_kept()

    async def part(self, session_id: str, key: str) -> bytes | None:
        return await agent.part(_agent(session_id), key)

    async def spending(self, by: SpendBy, since: datetime | None, owner: str | None = None) -> SpendReport:
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
    raise Refusal(409, "expected sessions in a store, got sessions in memory: set sessions.durability", "not_kept")


def _is_of(owner: str | None, agent_: Pid | None) -> bool:
    return agent_ is not None and (owner is None or agent_ in agents_of(owner))
