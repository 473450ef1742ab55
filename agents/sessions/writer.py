"""The writer of a store: the one row of `writer`, which every write locks first.

A journal that opens a store gets the next epoch, and a write of an older epoch is refused. So a journal that was
stopped and replaced can't add to its successor's records. A store whose writer lives is refused. On one host the pid
shows that, and in PostgreSQL also the lease.
Rename, fork and delete take no epoch: each is one transaction between two of the journal's. But only the program whose
journal writes may delete, since its agents would continue with deleted data.
"""

from typing import Final

from sqlalchemy import Connection, select, update

from agents.node.os_process import is_process, on_this_host, pid_of_another, this_process
from agents.sessions.errors import Fenced, StoreDamaged, StoreInUse
from agents.sessions.lease import has_lease
from agents.sessions.tables import WRITER

MAX_EPOCH: Final = 2**63 - 1
ANOTHER_WRITER: Final = "the store has another writer: it claimed the store while this one did not write"


class Unsure(Exception):
    """No certain sign: the writer is on another host and holds no lease.

    It has ended, or its connection was lost a moment ago.
    """


def claim(connection: Connection, *, sure: bool) -> int:
    """Take the next epoch, and return it. Raises StoreInUse if another OS process has the store.

    sure: False raises Unsure if the writer of another host holds no lease. True means that this was so a while ago,
    too.
    """
    lock(connection)
    owner = _owner(connection)
    if owner is not None and not _is_gone(connection, owner) and not sure:
        raise Unsure
    epoch: int = connection.execute(select(WRITER.c.epoch)).scalar_one() + 1
    if epoch > MAX_EPOCH:
        raise StoreDamaged(f"the store is damaged: expected an epoch below {MAX_EPOCH}, got {epoch - 1}")
    connection.execute(update(WRITER).values(epoch=epoch, owner=this_process()))
    return epoch


def check_free(connection: Connection) -> None:
    """Raise StoreInUse if another OS process has the store."""
    owner = _owner(connection)
    if owner is not None:
        _is_gone(connection, owner)


def _owner(connection: Connection) -> str | None:
    """Return the store's owner, or None if that is this OS process, or text that names no OS process."""
    owner: str | None = connection.execute(select(WRITER.c.owner)).scalar_one()
    return None if owner is None or owner == this_process() or not is_process(owner) else owner


def _is_gone(connection: Connection, owner: str) -> bool:
    """Return True if the owner has certainly ended, False if it only shows no sign of life.

    Raises StoreInUse if the owner lives.
    """
    if (pid := pid_of_another(owner)) is not None:
        raise StoreInUse(pid)
    postgres = connection.dialect.name == "postgresql"
    if postgres and has_lease(connection, owner):
        host, _, pid_there, _ = owner.split()
        raise StoreInUse(int(pid_there), None if on_this_host(owner) else host)
    return not postgres or on_this_host(owner)


def release(connection: Connection, epoch: int) -> None:
    """Clear the store's writer, if it was this one."""
    connection.execute(update(WRITER).where(WRITER.c.epoch == epoch).values(owner=None))


def lock(connection: Connection, epoch: int | None = None, number: int | None = None) -> None:
    """Begin to write. Any other writer waits for the end of this transaction. Raises Fenced.

    This is an update: a SQLite transaction that begins with a read can't write after another writer did.
    number: of the batch that the transaction writes.
    """
    mine = update(WRITER) if epoch is None else update(WRITER).where(WRITER.c.epoch == epoch)
    changed = mine.values(epoch=WRITER.c.epoch) if number is None else mine.values(batch=number)
    if not connection.execute(changed).rowcount:
        raise Fenced(ANOTHER_WRITER)


def has_written(connection: Connection, number: int) -> bool:
    """Return True if the last batch had this number. Call this after `lock`."""
    return bool(connection.execute(select(WRITER.c.batch)).scalar_one() == number)
