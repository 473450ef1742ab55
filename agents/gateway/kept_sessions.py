"""Sessions that are kept: agents come back for a message or a reader, and streams are read again from the store."""

from actors import Pid
from agents import agent, session
from agents.agent_config import InvalidAgentConfig
from agents.agent_registry import find_agent, find_stream
from agents.core.conversation import Conversation
from agents.core.events import Event
from agents.gateway.errors import Refusal
from agents.gateway.sessions import SessionInfo
from agents.sessions import Store, StreamStatus, UnknownSession


class KeptSessions:
    """The gateway's port over the store, which is the journal's own or one that only reads."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def wake(self, agent_id: str) -> Pid | None:
        try:
            return await session.wake(agent_id)
        except InvalidAgentConfig as invalid:
            raise Refusal(409, f"the session can't go on: {invalid.faults[0]}", "conflict") from None

    async def find_stream(self, stream_id: str) -> Pid | None:
        """A turn that was cut goes on with its agent."""
        if (pid := find_stream(stream_id)) is not None:
            return pid
        info = await self.store.stream(stream_id)
        if info is None or info.status is not StreamStatus.OPEN or await self.wake(info.session_id) is None:
            return None
        return find_stream(stream_id)

    async def events(self, stream_id: str, after: int) -> list[Event] | None:
        if await self.store.stream(stream_id) is None:
            return None
        found: list[Event] = []
        while page := await self.store.events(stream_id, found[-1].seq if found else after):
            found += page
        return found

    async def sessions(self, after: str | None, limit: int) -> list[SessionInfo]:
        page = await self.store.sessions(after, limit)
        return [SessionInfo(each.id, each.title or each.name, live=find_agent(each.id) is not None) for each in page]

    async def conversation(self, session_id: str) -> Conversation | None:
        if (pid := find_agent(session_id)) is not None:
            return await agent.conversation(pid)
        try:
            return await self.store.conversation(session_id)
        except UnknownSession:
            return None
