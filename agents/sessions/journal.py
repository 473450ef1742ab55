"""The journal: the process that owns the store and is its only writer.

Recorders call it directly on the loop (recorder.py). It runs one flush at a time beside its mailbox, and reports to
the recorders what is on disk. It ends after its last flush. A journal that crashes closes its recorders. The next
journal gets another epoch, and first writes the ends that were published in the meantime.
"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from actors import IGNORE, Caller, Crash, Error, GenServer, NoReply, Pid, Reply, Stop, call, send, whereis
from actors.server.outcomes import Ignore
from agents.extras import MissingExtra
from agents.sessions.errors import Fenced, JournalEnded, StoreUnavailable
from agents.sessions.flush import Outcome
from agents.sessions.group_commit import GroupCommit
from agents.sessions.journal_handle import JournalHandle
from agents.sessions.last_words import left_for
from agents.settings import Durability, SessionSettings

if TYPE_CHECKING:
    from agents.sessions.store import Store

JOURNAL: Final = "journal"
SERVER_GRACE_S: Final = 30.0
"""The grace for a store with a server, unless `sessions.store_grace` sets another."""


class OpenJournal(Struct, frozen=True):
    """A request for the JournalHandle, which is the reply."""


class Due(Struct, frozen=True):
    """A flush is due."""


class Written(Struct, frozen=True):
    """The flush that ran has ended."""


async def open_journal() -> JournalHandle | None:
    """Return the journal's handle, or None if sessions are not kept.

    Raises CallFailed if the journal ends meanwhile.
    """
    if whereis(JOURNAL) is None:
        return None
    handle: JournalHandle = await call(JOURNAL, OpenJournal(), timeout_s=None)
    return handle


class Journalling(Struct, frozen=True):
    """The journal's state. flush: the flush that runs."""

    handle: JournalHandle
    group: GroupCommit
    flush: asyncio.Task[list[Outcome]] | None = None


class Journal(GenServer[Journalling]):
    """The journal process. With durability off it is not started. A start fails with StoreUnavailable."""

    trap_exit = True

    async def init(self, settings: SessionSettings, state_dir: Path | None = None) -> Journalling | Error | Ignore:
        if settings.durability is Durability.OFF:
            return IGNORE
        try:
            store = await _claimed(settings, state_dir)
        except (MissingExtra, StoreUnavailable) as unavailable:
            return Error(unavailable)
        sync = settings.durability is Durability.SYNC
        wake = _Wake(self.pid)
        grace_s = _grace_s(settings, store)
        group = GroupCommit(store, grace_s, settings.batch_time / 1000, 1 if sync else settings.batch_events, wake)
        wake.group = group
        await _write_last_words(group)
        return Journalling(JournalHandle(store, settings.durability, group), group)

    def handle_call(self, request: OpenJournal, caller: Caller, state: Journalling) -> Reply[Journalling]:
        return Reply(state.handle, state)

    def handle_info(self, message: Any, state: Journalling) -> NoReply[Journalling] | Stop[Journalling]:
        match message:
            case Due() if state.flush is None and state.group.due:
                return NoReply(self._begin(state))
            case Written() if state.flush is not None:
                try:
                    outcomes = state.flush.result()
                except Fenced as fenced:
                    return Stop(fenced, state)
                state.group.done(outcomes)
                return NoReply(Journalling(state.handle, state.group))
        return NoReply(state)

    async def terminate(self, reason: Any, state: Journalling) -> None:
        group = state.group
        group.patience.end()
        try:
            if not isinstance(reason, Crash | Fenced):
                await self._flush_all(state)
        finally:
            try:
                group.close(reason if isinstance(reason, Fenced) else JournalEnded("the journal has ended"))
            finally:
                await group.store.close()

    def _begin(self, state: Journalling) -> Journalling:
        flush = asyncio.get_running_loop().create_task(state.group.flush(state.group.take()))
        me = self.pid
        flush.add_done_callback(lambda _: send(me, Written()))
        return Journalling(state.handle, state.group, flush)

    async def _flush_all(self, state: Journalling) -> None:
        """Flush until no record waits, or a flush fails."""
        group, flush = state.group, state.flush
        failed = False
        while not failed and (flush is not None or not group.idle):
            outcomes = await (flush if flush is not None else group.flush(group.take()))
            failed = any(failure is not None for _, failure in outcomes)
            group.done(outcomes)
            flush = None


class _Wake:
    """A function that informs the journal of a due flush.

    It also closes the recorders of a journal that was killed, since that one can't do so itself.
    """

    def __init__(self, journal: Pid) -> None:
        self.journal = journal
        self.group: GroupCommit | None = None
        self._closing: asyncio.Task[None] | None = None

    def __call__(self) -> None:
        if self.journal.alive:
            send(self.journal, Due())
        elif self.group is not None and self._closing is None:
            self.group.close(JournalEnded("the journal was killed"))
            self._closing = asyncio.get_running_loop().create_task(self.group.store.close())


async def _claimed(settings: SessionSettings, state_dir: Path | None) -> "Store":
    """Open the store and become its writer.

    SQLAlchemy is imported here, so a program without a store does not load it.
    """
    from agents.sessions import Store, store_url

    store = await Store.open(store_url(settings.url, state_dir), deadline_s=settings.store_timeout / 1000)
    try:
        await store.claim()
    except BaseException:
        await store.close()
        raise
    return store


def _grace_s(settings: SessionSettings, store: "Store") -> float:
    """Return the store's grace.

    A server that restarts is back soon, but a file that can't be written usually stays so.
    """
    if settings.store_grace is not None:
        return settings.store_grace / 1000
    return SERVER_GRACE_S if store.has_server else 0.0


async def _write_last_words(group: GroupCommit) -> None:
    for words in left_for(str(group.store)):
        group.say_last(words)
    if not group.idle:
        group.done(await group.flush(group.take()))
