"""This node: its identity for the others, its sessions, and the owners of all sessions as the store has them."""

from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from msgspec import Struct

from actors import CallFailed, Pid
from actors.log import get_logger
from agents.agent_registry import find_agent, stands_in, step_aside
from agents.cluster.errors import NotInCluster, NotSafe
from agents.cluster.finding import NOT_STARTED, OwnedBy, agent_here, line_of
from agents.cluster.link.address import PeerNode, Protection, address_of
from agents.cluster.link.handshake import Identity
from agents.cluster.seeking import NoOwner
from agents.cluster.this_node import this_node
from agents.core.events import Event
from agents.instance.elsewhere import CANNOT_START
from agents.instance.waking import wake
from agents.node.secret_file import UnsafeFile, secret_in
from agents.node.state_files import default_state_dir
from agents.sessions import SessionError, open_journal
from agents.settings import Settings

if TYPE_CHECKING:
    from agents.sessions import Store
    from agents.sessions.node_store import NodeStore
    from agents.sessions.nodes import NodeRecord

IN_STATE_DIR: Final = "cluster.secret"
NOT_FOUND: Final = "agent_not_found"

log = get_logger("understudy.cluster")


class OwnNode(Struct, frozen=True):
    """A node that has joined the cluster of its store.

    me: its greeting. nodes: the part of the store that has the nodes.
    """

    me: Identity
    protection: Protection
    store: "Store"
    nodes: "NodeStore"

    @classmethod
    async def open(cls, settings: Settings) -> Self:
        """Return this node. Raises NotInCluster and NotSafe."""
        journal, joining = await open_journal(), this_node(settings)
        nodes = None if journal is None else journal.store.node
        if journal is None or nodes is None or joining is None:
            raise NotInCluster("cluster.enabled: expected sessions in a store, got sessions in memory")
        store, epoch, incarnation = journal.store, nodes.fence.epoch, nodes.fence.incarnation
        name = Path(store.url.database or "").name
        me = Identity(name, nodes.name, epoch, incarnation, joining.version, _secret(settings))
        return cls(me, Protection.by(settings.cluster), store, nodes)

    async def lives(self, epoch: int, incarnation: str) -> bool:
        """Return whether the store has a living node with this epoch and incarnation."""
        return any((each.epoch, each.incarnation) == (epoch, incarnation) for each in await self.living())

    async def others(self) -> list[PeerNode]:
        """Return the other nodes that listen. Raises StoreUnavailable."""
        living = await self.nodes.nodes()
        return [peer for node in living if node.epoch != self.me.epoch and (peer := _peer(node)) is not None]

    async def find(self, session: str, *, wakes: bool) -> Pid | OwnedBy | None:
        """Find a session's agent on this node, as Find. Only a session that this node owns has one."""
        pid = find_agent(session)
        if pid is not None and not stands_in(pid):
            return pid
        owner = await self.nodes.owner_of(session)
        if owner is None or owner.epoch != self.me.epoch:
            return OwnedBy(None if owner is None else owner.epoch)
        step_aside(session)
        return await agent_here(session, wakes=wakes)

    async def other_owner(self, session: str) -> PeerNode | None:
        """Return the other living node that owns the session, or None. Raises StoreUnavailable."""
        owner = await self.nodes.owner_of(session)
        return None if owner is None or owner.epoch == self.me.epoch else _peer(owner)

    async def owner_of(self, session: str) -> PeerNode | None:
        """Return the owner of a session, as OwnerOf."""
        try:
            place = await self.nodes.place_of(session)
            owner = None if place is None else place.owner
            if owner is None and ((place is not None and place.cut) or not await self._claimed(session)):
                return None  # the takeover has a turn that is not over, and counts how often it changes its node
        except SessionError as failed:
            log.warning("owner_not_found", session=session, reason=str(failed))
            return None
        if owner is not None and owner.epoch != self.me.epoch:
            return _peer(owner)
        step_aside(session)
        return PeerNode(self.me.epoch, self.me.incarnation, None, self.me.name)

    async def read(self, stream: str, after: int, limit: int) -> list[Event]:
        """Read a stream's events from the store, as ReadStored."""
        return await self.store.events(stream, after, limit)

    async def _claimed(self, session: str) -> bool:
        """Start the agent of a free session on this node. Return False if another node is to have it."""
        if self.nodes.draining:
            return False
        step_aside(session)
        try:
            pid = await wake(session)
        except NOT_STARTED as failed:
            raise NoOwner(CANNOT_START, line_of(failed)) from None
        except CallFailed:
            return False
        if pid is None:
            raise NoOwner(NOT_FOUND, f"no agent has the id {session!r}")
        return not stands_in(pid)

    async def living(self) -> "list[NodeRecord]":
        """Return the living nodes, or none if the store can't be read."""
        try:
            return await self.nodes.nodes()
        except SessionError as failed:
            log.warning("nodes_not_found", reason=str(failed))
            return []


def state_dir(settings: Settings) -> Path:
    return (settings.daemon.state_dir or default_state_dir()).absolute()


def _secret(settings: Settings) -> bytes:
    given = settings.cluster.secret_file
    path = given or state_dir(settings) / IN_STATE_DIR
    try:
        return secret_in(path, "the cluster's secret", make=given is None).encode()
    except (UnsafeFile, OSError) as unsafe:
        raise NotSafe(f"cluster.secret_file: {unsafe}") from None


def _peer(node: "NodeRecord") -> PeerNode | None:
    """Return the node as a peer, or None while it does not listen."""
    if not node.address:
        return None
    try:
        return PeerNode(node.epoch, node.incarnation, address_of(node.address), node.name)
    except NotSafe as unreadable:
        log.warning("node_address_unreadable", node=node.name, reason=str(unreadable))
        return None
