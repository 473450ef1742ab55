"""The nodes of a cluster in the store: how one joins and leaves, and how another one declares it dead.

A node lives as long as its epoch has a fence. So the program that drops the fence has ended the node for all.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, Integer, Row, bindparam, delete, insert, select, text, update

from agents.node.os_process import lives, this_process
from agents.sessions.errors import Fenced, NodeNameTaken, StoreInUse
from agents.sessions.fence import ANOTHER_WRITER, Fence, drop_fence, next_epoch, raise_fence
from agents.sessions.joining import Joining
from agents.sessions.lease import CLASS
from agents.sessions.tables import FENCES, NODES
from agents.sessions.writer import check_gone, make_room

UP: Final = "up"
DRAINING: Final = "draining"
KEPT: Final = 100  # rows of dead nodes that the store keeps

LIVING: Final = select(NODES).join(FENCES, FENCES.c.epoch == NODES.c.epoch).order_by(NODES.c.epoch)
_LOCKED: Final = text("""
SELECT epoch FROM nodes JOIN pg_locks ON objid = (hashtext(incarnation)::bigint & 4294967295)::oid
WHERE locktype = 'advisory' AND classid = :class AND granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
""").bindparams(bindparam("class", CLASS, Integer))


class NodeBeat(Struct, frozen=True):
    """A living node, as a judge reads it again and again.

    name: for people. owner: its OS process. state: up or draining.
    """

    epoch: int
    incarnation: str
    name: str
    owner: str
    state: str
    beat: int

    @property
    def drains(self) -> bool:
        """Whether the node accepts no more turns."""
        return self.state == DRAINING


_BEATS: Final = LIVING.with_only_columns(*(NODES.c[name] for name in NodeBeat.__struct_fields__))


class NodeRecord(NodeBeat, frozen=True):
    """A node as the store has it.

    address: for other nodes, "" until the node listens. load: the number of its running turns. config_hash: of its
    configuration.
    """

    address: str
    load: int
    version: str
    config_hash: str


def join(connection: Connection, node: Joining, incarnation: str, *, sure: bool) -> Fence:
    """Add the node. Raises NodeNameTaken, and StoreInUse if a program has the store for itself.

    sure: as in writer.claim.
    """
    make_room(connection, sure=sure)
    for other in living(connection):
        if other.owner == this_process():  # its journal has ended, and this is the next one
            _end(connection, Fence(other.epoch, other.incarnation))
        elif other.name == node.name:
            _take_name(connection, other, sure=sure)
    fence = Fence(next_epoch(connection), incarnation)
    connection.execute(delete(NODES).where((NODES.c.epoch >= fence.epoch) | (NODES.c.epoch < fence.epoch - KEPT)))
    named = {"name": node.name, "version": node.version, "config_hash": node.config_hash}
    mine = {"epoch": fence.epoch, "incarnation": incarnation, "owner": this_process(), "state": UP}
    connection.execute(insert(NODES).values(**named, **mine))
    raise_fence(connection, fence)
    return fence


def living(connection: Connection) -> list[NodeRecord]:
    return [record(row) for row in connection.execute(LIVING)]


def beats(connection: Connection) -> list[NodeBeat]:
    return [NodeBeat(*row) for row in connection.execute(_BEATS)]


def locked(connection: Connection, nodes: Collection[NodeBeat]) -> set[int]:
    """Return the epochs of those of these nodes whose lease is held. In SQLite, a running OS process holds it."""
    if connection.dialect.name == "postgresql":
        return {node.epoch for node in nodes} & set(connection.execute(_LOCKED).scalars())
    return {node.epoch for node in nodes if lives(node.owner)}


def declare_dead(connection: Connection, fence: Fence, beat: int) -> bool:
    """End the node if its beat is still this one. Return whether it was.

    This waits for a write of the node that runs. Call it in a transaction of its own: the caller's writes do not wait.
    """
    same = (NODES.c.epoch == fence.epoch, NODES.c.incarnation == fence.incarnation, NODES.c.beat == beat)
    stands_still = connection.execute(update(NODES).where(*same).values(beat=NODES.c.beat)).rowcount
    return bool(stands_still) and _end(connection, fence)


def send_beat(connection: Connection, fence: Fence, load: int) -> None:
    """Show that the node lives. Raises Fenced."""
    mine = (NODES.c.epoch == fence.epoch, NODES.c.incarnation == fence.incarnation, NODES.c.dead_at.is_(None))
    if not connection.execute(update(NODES).where(*mine).values(beat=NODES.c.beat + 1, load=load)).rowcount:
        raise Fenced(ANOTHER_WRITER)


def describe(connection: Connection, fence: Fence, **values: str) -> None:
    """Set the address or the state of the node."""
    connection.execute(update(NODES).where(NODES.c.epoch == fence.epoch).values(**values))


def leave(connection: Connection, fence: Fence) -> None:
    """End this node. Its sessions are free at once."""
    drop_fence(connection, fence)
    connection.execute(delete(NODES).where(NODES.c.epoch == fence.epoch, NODES.c.incarnation == fence.incarnation))


def record(row: Row[tuple[object, ...]]) -> NodeRecord:
    return NodeRecord(**{name: getattr(row, name) for name in NodeRecord.__struct_fields__})


def _take_name(connection: Connection, other: NodeRecord, *, sure: bool) -> None:
    try:
        check_gone(connection, [(other.owner, other.incarnation)], sure=sure)
    except StoreInUse as lives_:
        raise NodeNameTaken(other.name, lives_) from None
    _end(connection, Fence(other.epoch, other.incarnation))


def _end(connection: Connection, fence: Fence) -> bool:
    if not drop_fence(connection, fence):
        return False
    connection.execute(update(NODES).where(NODES.c.epoch == fence.epoch).values(dead_at=datetime.now(UTC)))
    return True
