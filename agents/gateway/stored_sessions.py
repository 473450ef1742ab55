"""Sessions with a store. A request to a session whose agent does not run starts the agent."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec import structs

from actors import CallFailed, NameTaken, Pid
from agents import agent
from agents.agent_registry import find_agent, find_stream, reserved
from agents.cluster.everywhere import running_among
from agents.cluster.node_requests import FindStream
from agents.contract.sessions import Session, SessionInfo, SessionStream, Status
from agents.contract.spending import SpendBy, SpendReport, SpentSum
from agents.contract.stored import session, session_info, session_stream
from agents.core.events import Event
from agents.core.running_turn import RunningTurn
from agents.gateway.errors import Refusal, retry_later
from agents.gateway.sessions import LiveSessions
from agents.instance.elsewhere import other_nodes, running_agent
from agents.instance.waking import predecessor_gone, wake
from agents.parts.store import UnknownPart
from agents.sessions import (
    DatedMessage,
    JournalHandle,
    ListedSession,
    RecordsRefused,
    SessionExists,
    StreamRecord,
    StreamStatus,
    UnknownSession,
    open_journal,
)
from agents.sessions.session_parts import SessionParts

if TYPE_CHECKING:
    from agents.sessions import Store

FORWARDED_S: Final = 0.1
"""The time after which a message of one node has certainly reached the agent of another one, unless a node is held."""

JOURNAL_RESTARTS: Final = "the journal of sessions is being restarted: retry later"


class StoredSessions(LiveSessions):
    """The sessions of the store. While the journal is restarted, a request that needs the store gets a Refusal, 503."""

    keeps = True

    async def has_session(self, session_id: str, owner: str | None = None) -> bool:
        if find_agent(session_id) is not None:
            return await super().has_session(session_id, owner)
        return await (await _store()).has_session(session_id, owner)

    async def has_stream(self, stream_id: str, owner: str | None = None) -> bool:
        if find_stream(stream_id) is not None:
            return await super().has_stream(stream_id, owner)
        store = await _store()
        if (stream := await store.stream(stream_id)) is None:
            return False
        return owner is None or await store.has_session(stream.session_id, owner)

    async def wake(self, agent_id: str) -> Pid | None:
        if (pid := find_agent(agent_id)) is not None:
            return pid
        await _store()  # without the journal, `wake` would find no session
        return await wake(agent_id)

    async def is_parked(self, session_id: str) -> bool:
        return bool(await (await _store()).parked([session_id]))

    async def find_stream(self, stream_id: str) -> Pid | None:
        """Return the process that has the stream: the agent, or the stand-in of one of another node."""
        pid = await super().find_stream(stream_id)
        if pid is not None or await other_nodes() is None:
            return pid
        kept = await self.kept_stream(stream_id)
        return None if kept is None or kept.status is not StreamStatus.OPEN else await running_agent(kept.session_id)

    async def kept_stream(self, stream_id: str) -> StreamRecord | None:
        return await (await _store()).stream(stream_id)

    async def begun_elsewhere(self, stream_id: str) -> str | None:
        """Ask the other nodes, twice: the message may be on its way to the node of its agent."""
        if (nodes := await other_nodes()) is None:
            return None
        for pause_s in (0.0, FORWARDED_S):
            await asyncio.sleep(pause_s)
            answers: list[str | None] = await nodes.ask_all(FindStream(stream_id))
            if not answers:
                return None
            if (found := next(filter(None, answers), None)) is not None:
                return found
        return None

    async def events(self, stream_id: str, after: int, limit: int) -> list[Event]:
        return await (await _store()).events(stream_id, after, limit)

    async def sessions(self, after: str | None, limit: int, owner: str | None = None) -> list[SessionInfo]:
        """Return the sessions, the last changed first."""
        store = await _store()
        if after is not None and not await self.has_session(after, owner):
            raise UnknownSession(after)
        kept = await store.sessions(after, limit, owner)
        live = await running_among([each.id for each in kept])
        return [session_info(each, live=each.id in live) for each in kept]

    async def has_open_turn(self, session_id: str) -> bool:
        from agents.sessions.disused import has_open_turn

        return await has_open_turn(await _store(), session_id)

    async def count(self, owner: str) -> int:
        return await (await _store()).count(owner)

    async def spending(self, by: SpendBy, since: datetime | None, owner: str | None = None) -> SpendReport:
        from agents.sessions.spending import spending  # it loads SQLAlchemy, as the store has done

        found = await spending(await _store(), by, owner=owner, since=since)
        return SpendReport(by, [SpentSum(*each) for each in found])

    async def session(self, session_id: str) -> SessionInfo | None:
        kept = await (await _store()).session(session_id)
        return None if kept is None else await _info(kept)

    async def history(self, session_id: str) -> Session:
        """Return the session as it is in the store, whether its agent runs or not.

        The running turn is read first. If it ends meanwhile, the conversation may already have its messages.
        """
        store = await _store()
        statuses, running = await _live(session_id)
        kept = await store.session(session_id)
        if kept is None:
            raise UnknownSession(session_id)
        conversation = await store.dated_messages(session_id, 0, kept.message_count)
        streams = [session_stream(each) for each in await store.streams(session_id)]
        if running is not None and _has_turn(conversation, running, streams):
            running = None
        shown = [_with_status(each, statuses) for each in streams]
        below = await store.sub_agents(session_id)
        live = await running_among([each.id for each in below])
        sub_agents = [session_info(each, live=each.id in live) for each in below]
        return session(await _info(kept), conversation, shown, running, sub_agents)

    async def rename(self, session_id: str, title: str | None) -> None:
        from agents.sessions import history

        await history.rename(await _store(), session_id, title)

    async def delete(self, session_id: str) -> None:
        """Stop the agent, then delete the session. No agent can start under the id meanwhile."""
        from agents.sessions import history

        journal = await _journal()
        if await running_agent(session_id) is not None:
            await super().delete(session_id)
        await predecessor_gone(session_id)
        with _alone(session_id):
            with suppress(RecordsRefused):
                await journal.durable()  # otherwise a waiting write would follow the deletion
            await history.delete(journal.store, session_id)

    async def export(self, session_id: str) -> AsyncIterator[bytes]:
        from agents.sessions import history

        async for line in history.export(await _store(), session_id):
            yield line

    async def part(self, session_id: str, key: str) -> bytes | None:
        with suppress(UnknownPart):
            return (await SessionParts(session_id).get((key,)))[key]
        return None

    async def fork(self, session_id: str, new_id: str, at: tuple[str, int | None] | None) -> None:
        from agents.sessions import history

        store = await _store()
        try:
            with reserved(new_id):
                await history.fork(store, session_id, new_id, at)
        except NameTaken:
            raise SessionExists(new_id) from None


async def _journal() -> JournalHandle:
    journal = await open_journal()
    if journal is None:
        raise retry_later(JOURNAL_RESTARTS)
    return journal


async def _store() -> "Store":
    return (await _journal()).store


@contextmanager
def _alone(session_id: str) -> Iterator[None]:
    try:
        with reserved(session_id):
            yield
    except NameTaken:
        raise Refusal(409, "expected an idle session, got one that has just received a message", "conflict") from None


async def _live(session_id: str) -> tuple[Mapping[str, Status], RunningTurn | None]:
    """Return the status of each stream that the session's agent has, and its running turn, if the agent runs."""
    pid = await running_agent(session_id)
    if pid is None:
        return {}, None
    try:
        found = await agent.history(pid)
    except CallFailed:  # the agent has just ended
        return {}, None
    return {each.id: each.status for each in found.info.streams}, found.running


def _with_status(stream: SessionStream, live: Mapping[str, Status]) -> SessionStream:
    """Return the stream with its agent's status, unless the store has its end."""
    return structs.replace(stream, status=live.get(stream.id, stream.status)) if stream.status == "open" else stream


def _has_turn(conversation: Sequence[DatedMessage], running: RunningTurn, streams: list[SessionStream]) -> bool:
    """Return whether the conversation has the messages of this turn, because the turn has ended."""
    ends = (each.messages_until for each in streams if each.id == running.stream_id)
    return any(end is not None and end <= len(conversation) for end in ends)


async def _info(kept: ListedSession) -> SessionInfo:
    return session_info(kept, live=bool(await running_among([kept.id])))
