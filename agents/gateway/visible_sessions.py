"""The sessions that a caller can see. Another user's session is answered like one that does not exist."""

from collections.abc import AsyncIterator
from contextlib import nullcontext
from datetime import datetime

from actors import Pid
from agents.agent_registry import find_agent
from agents.contract.sessions import Session, SessionInfo
from agents.contract.spending import SpendBy, SpendReport
from agents.core.events import Event
from agents.gateway.errors import Refusal
from agents.gateway.guard.caller import Caller
from agents.gateway.quotas import Quotas
from agents.gateway.sessions import LiveSessions, Sessions
from agents.sessions import StreamRecord, UnknownSession
from agents.settings import Scope


class VisibleSessions:
    """The sessions of the caller's user, or all sessions for a caller with the scope admin.

    A look-up returns None, or an empty list, for an unknown id. `history`, `export` and each change raise
    UnknownSession.
    """

    def __init__(self, sessions: Sessions, quotas: Quotas, caller: Caller) -> None:
        self._all, self._quotas, self._caller = sessions, quotas, caller
        self._owner = None if caller.may(Scope.ADMIN) else _user(caller)

    def of_decisions(self) -> "VisibleSessions":
        """Return the sessions about whose calls the caller may decide. Nothing else of them may be shown."""
        seen = VisibleSessions(self._all, self._quotas, self._caller)
        seen._owner = None if self._caller.may(Scope.APPROVE_ALL) else self._owner
        return seen

    # Agents and streams

    async def has(self, session_id: str) -> bool:
        return await self._all.has_session(session_id, self._owner)

    async def wake(self, session_id: str, *, counted: bool = True) -> Pid | None:
        """Return the agent of the session, started if necessary. Raises Refusal if the caller's user has too many.

        counted: False for an agent that goes on with its turn, which may be another user's. It has no quota then.
        """
        if not await self.has(session_id):
            return None
        if (pid := find_agent(session_id)) is not None:
            return pid
        async with self._quotas.one_more_agent(self._caller, session_id) if counted else nullcontext():
            return await self._all.wake(session_id) if await self.has(session_id) else None

    async def is_parked(self, session_id: str) -> bool:
        return await self._all.is_parked(session_id)

    async def find_stream(self, stream_id: str) -> Pid | None:
        return await self._all.find_stream(stream_id) if await self._has_stream(stream_id) else None

    async def kept_stream(self, stream_id: str) -> StreamRecord | None:
        return await self._all.kept_stream(stream_id) if await self._has_stream(stream_id) else None

    async def begun_elsewhere(self, stream_id: str, *, counted: bool = True) -> Pid | None:
        """Return the agent of a stream that only another node knows, or None. counted: as for `wake`."""
        session_id = await self._all.begun_elsewhere(stream_id)
        return None if session_id is None else await self.wake(session_id, counted=counted)

    async def events(self, stream_id: str, after: int, limit: int) -> list[Event]:
        return await self._all.events(stream_id, after, limit) if await self._has_stream(stream_id) else []

    # Sessions

    async def running(self, after: str | None, limit: int) -> list[SessionInfo]:
        """Return a page of the sessions whose agents run, in order of their ids."""
        return await LiveSessions().sessions(after, limit, self._owner)

    async def page(self, after: str | None, limit: int) -> list[SessionInfo]:
        return await self._all.sessions(after, limit, self._owner)

    async def info(self, session_id: str) -> SessionInfo:
        """Return the session without its content. Raises UnknownSession."""
        found = await self._all.session(session_id)
        if found is None or self._owner not in (None, found.owner):
            raise UnknownSession(session_id)
        return found

    async def history(self, session_id: str) -> Session:
        await self.info(session_id)
        return await self._all.history(session_id)

    async def rename(self, session_id: str, title: str | None) -> SessionInfo:
        """Set the session's title; None removes it. Return the session with its new title."""
        await self.info(session_id)
        await self._all.rename(session_id, title)
        return await self.info(session_id)

    async def delete(self, session_id: str, unused_since: datetime | None = None) -> None:
        """Delete the session.

        unused_since: only if it has not changed since this time, its agent does not run, and all its turns are over.
        """
        found = await self.info(session_id)
        if unused_since is not None and not (
            _is_unused(found, unused_since) and not await self._all.has_open_turn(session_id)
        ):
            raise Refusal(409, "expected a session that is not in use, and has not changed since then", "conflict")
        await self._all.delete(session_id)

    async def export(self, session_id: str) -> AsyncIterator[bytes]:
        await self.info(session_id)
        async for line in self._all.export(session_id):
            yield line

    async def part(self, session_id: str, key: str) -> bytes:
        """Return the bytes of the session's part with this hash. Raises Refusal."""
        await self.info(session_id)
        if (data := await self._all.part(session_id, key)) is None:
            raise Refusal(404, "expected the hash of a part of this session, got another", "part_not_found")
        return data

    async def result(self, session_id: str, handle: str) -> bytes:
        """Return the whole text of the session's large result with this handle. Raises Refusal."""
        await self.info(session_id)
        if (data := await self._all.part(session_id, handle)) is None:
            raise Refusal(404, "expected the handle of a result of this session, got another", "result_not_found")
        return data

    async def spending(self, by: SpendBy, since: datetime | None) -> SpendReport:
        """Return what the model calls of the caller's agents have spent since a time."""
        return await self._all.spending(by, since, self._owner)

    async def fork(self, session_id: str, new_id: str, at: tuple[str, int | None] | None) -> SessionInfo:
        """Copy the session up to a place, and return the copy. at: as for `Sessions.fork`."""
        await self.info(session_id)
        async with self._quotas.one_more_session(self._caller):
            await self._all.fork(session_id, new_id, at)
        return await self.info(new_id)

    async def _has_stream(self, stream_id: str) -> bool:
        return self._owner is None or await self._all.has_stream(stream_id, self._owner)


def _is_unused(session: SessionInfo, since: datetime) -> bool:
    return not session.live and session.updated_at is not None and session.updated_at <= since


def _user(caller: Caller) -> str:
    assert caller.user is not None, "only the install's token has no user, and it has every scope"
    return caller.user
