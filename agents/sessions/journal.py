"""The journal: the process that is the store's only writer, or that of one node of a cluster.

Recorders call it directly on the loop (recorder.py). It runs one flush at a time beside its mailbox, and reports to
the recorders what is on disk. It ends after its last flush. When a journal crashes or is killed, its recorders are
closed (store_keeper.py). The next journal gets another epoch, and first writes the published ends that are not on disk.
"""

import asyncio
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from actors import IGNORE, Caller, Crash, Error, GenServer, NoReply, Reply, Stop, call, send, start, whereis
from actors.server.outcomes import Ignore
from agents.extras import MissingExtra
from agents.sessions.errors import Fenced, JournalEnded, RecordsRefused, StoreUnavailable
from agents.sessions.flush import Outcome
from agents.sessions.group_commit import GroupCommit
from agents.sessions.joining import Joining
from agents.sessions.journal_handle import JournalHandle
from agents.sessions.last_words import left_for
from agents.sessions.store_keeper import Due, OpenStore, StoreKeeper
from agents.settings import Durability, SessionSettings

JOURNAL: Final = "journal"
NOT_KEPT: Final = "a node of a cluster keeps its sessions: expected sessions.durability sync or batched, got off"


class OpenJournal(Struct, frozen=True):
    """A request for the JournalHandle, which is the reply."""


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

    async def init(
        self, settings: SessionSettings, state_dir: Path | None = None, node: Joining | None = None
    ) -> Journalling | Error | Ignore:
        if settings.durability is Durability.OFF:
            return IGNORE if node is None else Error(StoreUnavailable(NOT_KEPT))
        keeper = await start(StoreKeeper, self.pid)
        group = await call(keeper, OpenStore(settings, state_dir, node), timeout_s=None)
        if isinstance(group, MissingExtra | StoreUnavailable):
            return Error(group)
        await _write_last_words(group)
        return Journalling(JournalHandle(group.store, group), group)

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
        """Flush until no record waits, or the store can't be written."""
        group, flush = state.group, state.flush
        failed = False
        while not failed and (flush is not None or not group.idle):
            outcomes = await (flush if flush is not None else group.flush(group.take()))
            failed = any(failure is not None and not isinstance(failure, RecordsRefused) for _, failure in outcomes)
            group.done(outcomes)
            flush = None


async def _write_last_words(group: GroupCommit) -> None:
    for words in left_for(str(group.store)):
        group.say_last(words)
    if not group.idle:
        group.done(await group.flush(group.take()))
