"""The process that owns the journal's store, and closes it after the journal's end.

A killed journal runs no code. So its link to this process reports its end. The recorders and waiters then get
JournalEnded, and no connection stays open.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from actors import Caller, GenServer, Pid, Reply, send
from agents.sessions.errors import JournalEnded, StoreUnavailable
from agents.sessions.group_commit import GroupCommit
from agents.settings import Durability, SessionSettings

if TYPE_CHECKING:
    from agents.sessions.store import Store

SERVER_GRACE_S: Final = 30.0
"""The grace for a store with a server, unless `sessions.store_grace` sets another."""


class OpenStore(Struct, frozen=True):
    """A request to open the store and become its writer. The reply is the GroupCommit, or StoreUnavailable.

    settings: with a durability other than off.
    """

    journal: Pid
    settings: SessionSettings
    state_dir: Path | None


class Due(Struct, frozen=True):
    """A report to the journal that a flush is due."""


class StoreKeeper(GenServer[GroupCommit | None]):
    """The keeper of the store of the journal that started it."""

    trap_exit = True

    def init(self) -> None:
        return None

    async def handle_call(
        self, request: OpenStore, caller: Caller, group: GroupCommit | None
    ) -> Reply[GroupCommit | None]:
        settings = request.settings
        try:
            store = await _claimed(settings, request.state_dir)
        except StoreUnavailable as unavailable:
            return Reply(unavailable, group)
        batch_events = 1 if settings.durability is Durability.SYNC else settings.batch_events
        wake = _Wake(request.journal)
        group = GroupCommit(store, _grace_s(settings, store), settings.batch_time / 1000, batch_events, wake)
        wake.group = group
        return Reply(group, group)

    async def terminate(self, reason: Any, group: GroupCommit | None) -> None:
        if group is not None:
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
    from agents.sessions.location import store_url
    from agents.sessions.store import Store

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
