"""The sessions that a caller can see. Another user's session is answered like one that does not exist."""

from actors import Pid
from agents.contract.sessions import SessionInfo
from agents.core.events import Event
from agents.gateway.guard.caller import Caller
from agents.gateway.sessions import Sessions, VisibleSessions
from agents.sessions import StreamInfo as KeptStream
from agents.settings import Scope


def visible_sessions(caller: Caller, sessions: Sessions) -> VisibleSessions:
    """Return all sessions for a caller with the scope admin, otherwise the sessions of the caller's user."""
    if caller.may(Scope.ADMIN):
        return sessions
    assert caller.user is not None, "only the install's token has no user, and it has every scope"
    return OwnSessions(sessions, caller.user)


class OwnSessions:
    """The sessions of one user, the owner."""

    def __init__(self, sessions: Sessions, owner: str) -> None:
        self._all, self._owner = sessions, owner

    async def wake(self, agent_id: str) -> Pid | None:
        return await self._all.wake(agent_id) if await self._all.has_session(agent_id, self._owner) else None

    async def find_stream(self, stream_id: str) -> Pid | None:
        return await self._all.find_stream(stream_id) if await self._has_stream(stream_id) else None

    async def kept_stream(self, stream_id: str) -> KeptStream | None:
        return await self._all.kept_stream(stream_id) if await self._has_stream(stream_id) else None

    async def events(self, stream_id: str, after: int, limit: int) -> list[Event]:
        return await self._all.events(stream_id, after, limit) if await self._has_stream(stream_id) else []

    async def sessions(self, after: str | None, limit: int) -> list[SessionInfo]:
        return await self._all.sessions(after, limit, self._owner)

    async def session(self, session_id: str) -> SessionInfo | None:
        found = await self._all.session(session_id)
        return found if found is not None and found.owner == self._owner else None

    async def _has_stream(self, stream_id: str) -> bool:
        return await self._all.has_stream(stream_id, self._owner)
