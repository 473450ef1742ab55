"""The sessions of a store, with the methods that a daemon's client has for its sessions."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from getpass import getuser
from pathlib import Path
from typing import Any
from uuid import uuid4

from agents.client import Session, SessionInfo
from agents.contract.effects import EffectInfo
from agents.contract.spending import SpendBy, SpendReport, SpentSum
from agents.contract.stored import effect_info, session, session_info, session_stream
from agents.core.ledger import EffectState
from agents.core.outcome import DidNotHappen, Happened
from agents.sessions import SessionError, SessionRecord, Store, StoreInUse, UnknownSession, history, store_url
from agents.sessions.disused import has_open_turn
from agents.sessions.effects import Chosen, effects, settle
from agents.sessions.spending import spending


@asynccontextmanager
async def stored_sessions(url: str | None, state_dir: Path | None = None) -> AsyncIterator["StoredSessions"]:
    """Open the sessions of a store within the block.

    url, state_dir: as in store_url. Raises StoreUnavailable; a store that does not exist is not created.
    """
    store = await Store.open(store_url(url, state_dir), create=False)
    try:
        yield StoredSessions(store)
    finally:
        await store.close()


class SessionInUse(SessionError):
    """The session has changed meanwhile, or has a turn that is not over."""

    def __init__(self, session_id: str) -> None:
        super().__init__(f"expected a session that is not in use, got {session_id!r}")


class StoredSessions:
    """The sessions of an open store. Every method may raise SessionError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def sessions(self, after: str | None = None, limit: int = 100) -> list[SessionInfo]:
        if after is not None:
            await self._kept(after)
        return [session_info(each, live=False) for each in await self._store.sessions(after, limit)]

    async def spending(self, by: SpendBy, since: datetime | None = None) -> SpendReport:
        return SpendReport(by, [SpentSum(*each) for each in await spending(self._store, by, since=since)])

    async def session(self, session_id: str) -> Session:
        kept = await self._kept(session_id)
        conversation = await self._store.dated_messages(session_id, 0, kept.message_count)
        streams = [session_stream(each) for each in await self._store.streams(session_id)]
        sub_agents = [session_info(each, live=False) for each in await self._store.sub_agents(session_id)]
        return session(session_info(kept, live=False), conversation, streams, sub_agents=sub_agents)

    async def effects(self, after: str | None = None, limit: int = 100, **chosen: str) -> list[EffectInfo]:
        """Return a page of the ledger of effects, the newest first. chosen: state, session_id, since (ISO 8601)."""
        state, since = chosen.get("state"), chosen.get("since")
        wanted = Chosen(
            state=None if state is None else EffectState(state),
            session_id=chosen.get("session_id"),
            since=None if since is None else datetime.fromisoformat(since),
        )
        return [effect_info(each) for each in await effects(self._store, wanted, after, limit)]

    async def settle_effect(self, key: str, happened: list[Any] | None, note: str | None = None) -> None:
        """Set the outcome of a call, also of one that had begun: no program runs it. No turn goes on here."""
        await self._store.check_free()
        outcome = DidNotHappen() if happened is None else Happened(happened[0])
        await settle(self._store, key, outcome, by=_user(), note=note, begun=True)

    async def rename_session(self, session_id: str, title: str | None) -> None:
        await history.rename(self._store, session_id, title)

    async def delete_session(self, session_id: str, unused_since: datetime | None = None) -> None:
        """Delete a session.

        unused_since: only if it has not changed since this time, and all its turns are over. Raises SessionInUse.
        """
        if unused_since is not None and (
            (await self._kept(session_id)).updated_at > unused_since or await has_open_turn(self._store, session_id)
        ):
            raise SessionInUse(session_id)
        try:
            await history.delete(self._store, session_id)
        except StoreInUse as used:
            used.args = (f"{used}: let that daemon delete the session: name it by --state-dir or --url",)
            raise

    async def fork_session(
        self, session_id: str, new_id: str | None = None, at: tuple[str, int | None] | None = None
    ) -> str:
        new_id = uuid4().hex if new_id is None else new_id
        await history.fork(self._store, session_id, new_id, at)
        return new_id

    async def export_session(self, session_id: str) -> AsyncGenerator[bytes, None]:
        async for line in history.export(self._store, session_id):
            yield line

    async def _kept(self, session_id: str) -> SessionRecord:
        kept = await self._store.session(session_id)
        if kept is None:
            raise UnknownSession(session_id)
        return kept


def _user() -> str | None:
    """Return the name of the user of this machine, if it has one."""
    try:
        return getuser()
    except (KeyError, OSError):
        return None
