"""The process that owns the journal's store, and closes it after the journal's end.

A killed journal runs no code, so this process monitors it. At its end the recorders and waiters get JournalEnded, and
no connection stays open.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from actors import NORMAL, Caller, Down, GenServer, NoReply, Pid, Reply, Stop, monitor, send
from agents.extras import MissingExtra
from agents.sessions.errors import JournalEnded, StoreUnavailable
from agents.sessions.group_commit import GroupCommit
from agents.settings import Durability, SessionSettings

if TYPE_CHECKING:
    from agents.sessions.store import Store

SERVER_GRACE_S: Final = 30.0
"""The grace for a store with a server, unless `sessions.store_grace` sets another."""


class OpenStore(Struct, frozen=True):
    """A request to open the store and become its writer. The reply is the GroupCommit, or the error.

    settings: with a durability other than off.
    """

    settings: SessionSettings
    state_dir: Path | None


class Keeping(Struct, frozen=True):
    """The keeper's state. group: None until the store is open."""

    journal: Pid
    group: GroupCommit | None = None


class Due(Struct, frozen=True):
    """A report to the journal that a flush is due."""


class StoreKeeper(GenServer[Keeping]):
    """The keeper of one journal's store."""

    trap_exit = True

    def init(self, journal: Pid) -> Keeping:
        monitor(journal)
        return Keeping(journal)

    async def handle_call(self, request: OpenStore, caller: Caller, state: Keeping) -> Reply[Keeping]:
        settings = request.settings
        try:
            store = await _claimed(settings, request.state_dir)
        except (MissingExtra, StoreUnavailable) as unavailable:
            return Reply(unavailable, state)
        batch_events = 1 if settings.durability is Durability.SYNC else settings.batch_events
        wake = _Wake(state.journal)
        group = GroupCommit(store, _grace_s(settings, store), settings.batch_time / 1000, batch_events, wake)
        wake.group = group
        return Reply(group, Keeping(state.journal, group))

    def handle_info(self, message: Any, state: Keeping) -> NoReply[Keeping] | Stop[Keeping]:
        return Stop(NORMAL, state) if isinstance(message, Down) else NoReply(state)

    async def terminate(self, reason: Any, state: Keeping) -> None:
        if (group := state.group) is not None:
            group.patience.end()
            if group.closed is None:
                group.close(JournalEnded("the journal was killed"))
            await group.store.close()


class _Wake:
    """A function that informs the journal of a due flush.

    If the journal was killed, it closes the recorders: the keeper may not know yet.
    """

    def __init__(self, journal: Pid) -> None:
        self.journal = journal
        self.group: GroupCommit | None = None

    def __call__(self) -> None:
        if self.journal.alive:
            send(self.journal, Due())
        elif self.group is not None and self.group.closed is None:
            self.group.close(JournalEnded("the journal was killed"))


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
