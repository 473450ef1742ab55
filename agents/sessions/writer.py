"""The programs of a store: one that has the store for itself, or the nodes of a cluster.

A program that opens a store gets the next epoch, and the fence of the program before it is dropped. So a program that
was stopped and replaced can't add to its successor's records. A store is refused if another program with it lives. On
one host the pid shows that, and in PostgreSQL also the lease.
Rename, fork and delete take no epoch: each is one transaction between two of the journals'. But only a program whose
journal writes may delete, since its agents would continue with deleted data.
"""

from sqlalchemy import Connection, delete, exists, select, update

from agents.node.os_process import is_process, on_this_host, pid_of_another, this_process
from agents.sessions.errors import StoreInUse
from agents.sessions.fence import Fence, drop_fence, lock_writer, next_epoch, raise_fence
from agents.sessions.lease import has_lease
from agents.sessions.tables import FENCES, NODES, WRITER


class Unsure(Exception):
    """No certain sign: the other program is on another host and holds no lease.

    It has ended, or its connection was lost a moment ago.
    """


def claim(connection: Connection, incarnation: str, *, sure: bool) -> Fence:
    """Take the store for this program, and no other one. Raises StoreInUse if another OS process has the store.

    sure: False raises Unsure if a program of another host holds no lease. True means that this was so a while ago, too.
    """
    fence = Fence(next_epoch(connection), incarnation)
    check_gone(connection, _owner(connection), sure=sure)
    check_gone(connection, _nodes(connection), sure=sure)
    connection.execute(delete(FENCES))
    raise_fence(connection, fence)
    connection.execute(update(WRITER).values(owner=this_process()))
    return fence


def make_room(connection: Connection, *, sure: bool) -> None:
    """End the claim of a program that had the store for itself. Raises StoreInUse, and Unsure as `claim`."""
    lock_writer(connection)
    check_gone(connection, _owner(connection), sure=sure)
    if connection.execute(select(WRITER.c.owner)).scalar_one() is not None:
        connection.execute(delete(FENCES).where(~exists().where(NODES.c.epoch == FENCES.c.epoch)))
        connection.execute(update(WRITER).values(owner=None))


def check_free(connection: Connection, *, for_node: bool = False) -> None:
    """Raise StoreInUse if another OS process has the store. for_node: only if it has the store for itself."""
    for owner, key in (*_owner(connection), *(() if for_node else _nodes(connection))):
        _is_gone(connection, owner, key)


def check_gone(connection: Connection, owners: list[tuple[str, str]], *, sure: bool) -> None:
    """Raise StoreInUse if one of these programs lives, and Unsure as `claim`. owners: each with its lease's key."""
    gone = [_is_gone(connection, owner, key) for owner, key in owners]
    if not all(gone) and not sure:
        raise Unsure


def release(connection: Connection, fence: Fence) -> None:
    """Leave the store, if this fence stands."""
    if connection.execute(select(WRITER.c.epoch)).scalar_one() == fence.epoch:
        connection.execute(update(WRITER).values(owner=None))
    drop_fence(connection, fence)


def _owner(connection: Connection) -> list[tuple[str, str]]:
    """Return the program that has the store for itself, unless that is this OS process, or text that names none."""
    owner: str | None = connection.execute(select(WRITER.c.owner)).scalar_one()
    return [] if owner is None or owner == this_process() or not is_process(owner) else [(owner, owner)]


def _nodes(connection: Connection) -> list[tuple[str, str]]:
    """Return the living nodes of other OS processes."""
    living = select(NODES.c.owner, NODES.c.incarnation).join(FENCES, FENCES.c.epoch == NODES.c.epoch)
    found = [(row.owner, row.incarnation) for row in connection.execute(living)]
    return [(owner, key) for owner, key in found if owner != this_process() and is_process(owner)]


def _is_gone(connection: Connection, owner: str, key: str) -> bool:
    """Return True if the owner has certainly ended, False if it only shows no sign of life.

    key: of its lease. Raises StoreInUse if the owner lives.
    """
    if (pid := pid_of_another(owner)) is not None:
        raise StoreInUse(pid)
    postgres = connection.dialect.name == "postgresql"
    if postgres and has_lease(connection, key):
        host, _, pid_there, _ = owner.split()
        raise StoreInUse(int(pid_there), None if on_this_host(owner) else host)
    return not postgres or on_this_host(owner)
