"""The store of one node of a cluster: the other nodes, and the sessions that each one owns."""

from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec import Struct
from sqlalchemy import Connection, and_, exists, select

from agents.sessions import nodes, ownership
from agents.sessions.batched import Batched
from agents.sessions.connection import connected, transaction
from agents.sessions.engine import as_failed, as_unavailable
from agents.sessions.fence import Fence
from agents.sessions.lease import StoreLease
from agents.sessions.nodes import DRAINING, UP, NodeBeat, NodeRecord
from agents.sessions.tables import FENCES, NODES, SESSIONS

if TYPE_CHECKING:
    from agents.sessions.claiming import Claiming

T = TypeVar("T")

GRACE_PARTS: Final = 4  # a node is not dead before its beat has stood still for the lease time by this


_LIVES: Final = exists().where(FENCES.c.epoch == NODES.c.epoch)
_PLACES: Final = select(SESSIONS.c.id.label("session"), ownership.CUT.label("cut"), NODES).outerjoin_from(
    SESSIONS, NODES, and_(NODES.c.epoch == SESSIONS.c.node, _LIVES)
)

IDS: Final = 10_000  # of one question: a statement has at most 32,766 parameters


class Place(Struct, frozen=True):
    """A session in the cluster. owner: the living node that owns it. cut: whether it has a turn that is cut or runs."""

    owner: NodeRecord | None
    cut: bool


class NodeStore:
    """The store of this node, from its joining to its leaving.

    load: returns the number of running turns, for the other nodes. place_of: returns the Place of a session, or None
    if the store does not have it. Raises StoreUnavailable. lease: None for SQLite, where a running OS process holds its
    lease.
    """

    def __init__(self, store: "Claiming", fence: Fence, name: str, lease: StoreLease | None, lease_s: float) -> None:
        self.fence, self.name, self.lease_s = fence, name, lease_s
        self.load: Callable[[], int] = int
        self.draining = False
        self._store, self._lease = store, lease
        self.place_of: Batched[str, Place] = Batched(self._places)
        self._release: Batched[str, None] = Batched(self._released)

    async def nodes(self) -> list[NodeRecord]:
        """Return the living nodes, this one too, in the order of their joining. Raises StoreUnavailable."""
        return [nodes.record(row) for row in await self._store.rows(nodes.LIVING)]

    async def others(self) -> list[NodeBeat]:
        """Return the other living nodes, by one statement. Raises StoreUnavailable."""
        found = await self._looked(nodes.beats)
        return [node for node in found if node.epoch != self.fence.epoch]

    async def locked(self, others: Collection[NodeBeat]) -> set[int]:
        """Return the epochs of those of these nodes that hold their lease. Raises StoreUnavailable."""
        return await self._looked(partial(nodes.locked, nodes=others))

    async def _looked(self, look: Callable[[Connection], T]) -> T:
        """Look once: a judge must learn of each connection that was lost."""
        with as_unavailable(self._store.url):
            async with connected(self._store.readers, self._store.deadline_s) as connection:
                return await connection.run_sync(look)

    async def owner_of(self, session_id: str) -> NodeRecord | None:
        """Return the living node that owns the session, or None if it is free or unknown. Raises StoreUnavailable."""
        place = await self.place_of(session_id)
        return None if place is None else place.owner

    async def _places(self, session_ids: Collection[str]) -> dict[str, Place]:
        rows = await self._store.rows(_PLACES.where(SESSIONS.c.id.in_(session_ids)))
        return {row.session: Place(None if row.epoch is None else nodes.record(row), row.cut) for row in rows}

    async def owners(self, session_ids: Collection[str]) -> dict[str, str]:
        """Return the names of the living nodes that own these sessions, by session. Raises StoreUnavailable."""
        owned = select(SESSIONS.c.id, NODES.c.name).join(NODES, NODES.c.epoch == SESSIONS.c.node)
        living = owned.join(FENCES, FENCES.c.epoch == NODES.c.epoch)
        ids, found = list(session_ids), dict[str, str]()
        for first in range(0, len(ids), IDS):
            rows = await self._store.rows(living.where(SESSIONS.c.id.in_(ids[first : first + IDS])))
            found |= {row.id: row.name for row in rows}
        return found

    async def declare_dead(self, node: NodeBeat) -> bool:
        """End the node if it has sent no beat since it was read. Return whether it was ended. Raises WriteFailed."""
        with as_failed(self._store.url):
            async with transaction(self._store.engine, self._store.deadline_s) as connection:
                fence = Fence(node.epoch, node.incarnation)
                return await connection.run_sync(nodes.declare_dead, fence, node.beat)

    async def take_over(self, limit: int) -> list[str]:
        """Own up to limit free sessions with a turn that is not over, and return their ids.

        Raises WriteFailed.
        """
        return await self._store.as_writer(partial(ownership.take_over, epoch=self.fence.epoch, limit=limit))

    async def release(self, id_: str) -> None:
        """Free the session, of which nothing may be recorded afterwards. Raises WriteFailed.

        The sessions of callers that wait at the same time go with one write.
        """
        await self._release(id_)

    async def _released(self, ids: Collection[str]) -> dict[str, None]:
        await self._store.as_writer(partial(ownership.release, epoch=self.fence.epoch, ids=ids))
        self._store.forget_streams()
        return {}

    async def advertise(self, address: str) -> None:
        """Tell the other nodes this node's address. Raises WriteFailed."""
        await self._store.as_writer(partial(nodes.describe, fence=self.fence, address=address))

    async def drain(self, draining: bool) -> None:
        """Tell the other nodes whether this node drains. Raises WriteFailed."""
        self.draining = draining
        await self._store.as_writer(partial(nodes.describe, fence=self.fence, state=DRAINING if draining else UP))

    @property
    def may_be_dead(self) -> bool:
        """Whether the other nodes may have declared this node dead: it has sent no beat for the lease time."""
        return self._lease is not None and not self._lease.beats(self.lease_s)

    async def sure(self) -> None:
        """Wait until this node certainly lives, for what must not happen twice.

        After a stop of this OS process the node may be dead to the others, and learns it with its next beat.
        """
        if self._lease is not None:
            await self._lease.sure(self.lease_s - self.lease_s / GRACE_PARTS)
