"""The process that owns the journal's store, and closes it after the journal's end.

A killed journal runs no code, so this process monitors it. At its end the recorders and waiters get JournalEnded, and
no connection stays open.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from actors import NORMAL, Caller, Down, GenServer, NoReply, Pid, Reply, Stop, monitor, send
from agents.extras import MissingExtra
from agents.node.fenced import end_fenced
from agents.sessions.errors import JournalEnded, StoreUnavailable
from agents.sessions.group_commit import GroupCommit
from agents.sessions.joining import Joining
from agents.settings import Durability, SessionSettings

if TYPE_CHECKING:
    from agents.sessions.store import Store

SERVER_GRACE_S: Final = 30.0
"""The grace for a store with a server, unless `sessions.store_grace` sets another."""


class OpenStore(Struct, frozen=True):
    """A request to open the store and become its writer. The reply is the GroupCommit, or the error.

    settings: with a durability other than off. node: that of a cluster, or None.
    """

    settings: SessionSettings
    state_dir: Path | None
    node: Joining | None = None


class KeeperState(Struct, frozen=True):
    """The keeper's state. group: None until the store is open."""

    journal: Pid
    group: GroupCommit | None = None


class Due(Struct, frozen=True):
    """A report to the journal that a flush is due."""


class StoreKeeper(GenServer[KeeperState]):
    """The keeper of one journal's store."""

    trap_exit = True

    def init(self, journal: Pid) -> KeeperState:
        monitor(journal)
        return KeeperState(journal)

    async def handle_call(self, request: OpenStore, caller: Caller, state: KeeperState) -> Reply[KeeperState]:
        settings = request.settings
        try:
            store = await _claimed(request)
        except (MissingExtra, StoreUnavailable) as unavailable:
            return Reply(unavailable, state)
        batch_events = 1 if settings.durability is Durability.SYNC else settings.batch_events
        wake = _Wake(state.journal)
        group = GroupCommit(store, _grace_s(settings, store), settings.batch_time / 1000, batch_events, wake)
        wake.group = group
        if store.node is not None:
            store.node.load = group.count_open
        return Reply(group, KeeperState(state.journal, group))

    def handle_info(self, message: Any, state: KeeperState) -> NoReply[KeeperState] | Stop[KeeperState]:
        return Stop(NORMAL, state) if isinstance(message, Down) else NoReply(state)

    async def terminate(self, reason: Any, state: KeeperState) -> None:
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


async def _claimed(request: OpenStore) -> "Store":
    """Open the store, and become its writer or one of its nodes.

    SQLAlchemy is imported here, so a program without a store does not load it.
    """
    from agents.sessions import Store, store_url
    from agents.sessions.engine import HELD_S

    settings, node = request.settings, request.node
    held_s = HELD_S if node is None else node.lease_s
    url, deadline_s = store_url(settings.url, request.state_dir), settings.store_timeout / 1000
    store = await Store.open(url, deadline_s=deadline_s, held_s=held_s)
    try:
        if node is None:
            await store.claim()
        else:
            store.on_fenced = end_fenced
            await store.join(node)
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
