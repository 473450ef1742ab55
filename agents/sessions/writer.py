"""Who writes: the one row of `writer`, which every write locks first.

The journal that opens a store gets the next epoch, and a write of an older epoch is refused: a journal that was held
up, and whose place another one has, can't add to what that one writes. A store whose writer lives is refused: on one
host that is seen by the pid, in PostgreSQL also by the lease.
To rename, fork or delete takes no epoch: it is one transaction, between two of the journal's. But only the program
whose journal writes may delete: its agents would go on with what is gone.
"""

from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.node.os_process import is_process, on_this_host, pid_of_another, this_process
from agents.sessions.errors import Fenced, StoreDamaged, StoreInUse
from agents.sessions.lease import has_lease
from agents.sessions.tables import WRITER

MAX_EPOCH: Final = 2**63 - 1


class Unsure(Exception):
    """The writer of another host has no lease now: it is gone, or its connection was lost a moment ago."""


async def claim(connection: AsyncConnection, *, sure: bool) -> int:
    """The next epoch, which is ours. Raises StoreInUse if another OS process has the store.

    sure: the lease of another host's writer was free a while ago, too. Else Unsure is raised for that.
    """
    await lock(connection)
    owner = await _owner(connection)
    if owner is not None and not await _is_gone(connection, owner) and not sure:
        raise Unsure
    epoch: int = (await connection.execute(select(WRITER.c.epoch))).scalar_one() + 1
    if epoch > MAX_EPOCH:
        raise StoreDamaged(f"the store is damaged: expected an epoch below {MAX_EPOCH}, got {epoch - 1}")
    await connection.execute(update(WRITER).values(epoch=epoch, owner=this_process()))
    return epoch


async def check_free(connection: AsyncConnection) -> None:
    """Raises StoreInUse if another OS process has the store."""
    owner = await _owner(connection)
    if owner is not None:
        await _is_gone(connection, owner)


async def _owner(connection: AsyncConnection) -> str | None:
    """Of the store, if that is not this OS process. Text that names no process is no owner: nothing can have it."""
    owner: str | None = (await connection.execute(select(WRITER.c.owner))).scalar_one()
    return None if owner is None or owner == this_process() or not is_process(owner) else owner


async def _is_gone(connection: AsyncConnection, owner: str) -> bool:
    """True if that is certain; False if there only is no sign of life. Raises StoreInUse if the owner lives."""
    if (pid := pid_of_another(owner)) is not None:
        raise StoreInUse(pid)
    postgres = connection.dialect.name == "postgresql"
    if postgres and await has_lease(connection, owner):
        host, _, pid_there, _ = owner.split()
        raise StoreInUse(int(pid_there), None if on_this_host(owner) else host)
    return not postgres or on_this_host(owner)


async def release(connection: AsyncConnection, epoch: int) -> None:
    """The store has no writer, if it was this one."""
    await connection.execute(update(WRITER).where(WRITER.c.epoch == epoch).values(owner=None))


async def lock(connection: AsyncConnection, epoch: int | None = None, number: int | None = None) -> None:
    """Begin to write: any other writer waits for the end of this transaction. Raises Fenced.

    An update, since SQLite must not begin with reading: it could not become a writer once another one has been.
    number: of the batch that the transaction writes.
    """
    mine = update(WRITER) if epoch is None else update(WRITER).where(WRITER.c.epoch == epoch)
    changed = mine.values(epoch=WRITER.c.epoch) if number is None else mine.values(batch=number)
    if not (await connection.execute(changed)).rowcount:
        raise Fenced("the store has another writer: it was taken while this one did not write")


async def has_written(connection: AsyncConnection, number: int) -> bool:
    """Whether the batch with this number was the last one. After `lock`."""
    return bool((await connection.execute(select(WRITER.c.batch))).scalar_one() == number)
