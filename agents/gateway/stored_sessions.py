"""Sessions of agents that run, and of those that are kept: one comes back when it is asked for."""

from actors import Pid
from agents.agent_registry import find_agent, find_stream
from agents.core.conversation import Conversation
from agents.core.events import Event
from agents.gateway.sessions import LiveSessions, SessionInfo
from agents.session import wake
from agents.sessions import Store, StreamStatus, open_journal


class StoredSessions(LiveSessions):
    """Where nothing is kept, those of the agents that run."""

    async def has_session(self, session_id: str, owner: str | None = None) -> bool:
        if find_agent(session_id) is not None or (store := await _store()) is None:
            return await super().has_session(session_id, owner)
        session = await store.session(session_id)
        return session is not None and owner in (None, session.owner)

    async def has_stream(self, stream_id: str, owner: str | None = None) -> bool:
        if find_stream(stream_id) is not None or (store := await _store()) is None:
            return await super().has_stream(stream_id, owner)
        stream = await store.stream(stream_id)
        return stream is not None and await self.has_session(stream.session_id, owner)

    async def wake(self, agent_id: str) -> Pid | None:
        return await wake(agent_id)

    async def find_stream(self, stream_id: str) -> Pid | None:
        """Of a turn that is open on disk and has no process, its agent is woken: it goes on with it, or ends it."""
        if (pid := find_stream(stream_id)) is not None or (store := await _store()) is None:
            return pid
        stream = await store.stream(stream_id)
        return await wake(stream.session_id) if stream is not None and stream.status is StreamStatus.OPEN else None

    async def events(self, stream_id: str, after: int) -> list[Event] | None:
        store = await _store()
        if store is None or await store.stream(stream_id) is None:
            return None
        found: list[Event] = []
        while page := await store.events(stream_id, after):
            found += page
            after = page[-1].seq
        return found

    async def sessions(self, after: str | None, limit: int, owner: str | None = None) -> list[SessionInfo]:
        store = await _store()
        if store is None:
            return await super().sessions(after, limit, owner)
        kept = await store.sessions(after, limit, owner)
        return [
            SessionInfo(each.id, each.title or each.name, live=find_agent(each.id) is not None, owner=each.owner)
            for each in kept
        ]

    async def conversation(self, session_id: str) -> Conversation | None:
        store = await _store()
        if find_agent(session_id) is not None or store is None:
            return await super().conversation(session_id)
        return None if await store.session(session_id) is None else await store.conversation(session_id)


async def _store() -> Store | None:
    journal = await open_journal()
    return None if journal is None else journal.store
