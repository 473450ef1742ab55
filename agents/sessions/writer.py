"""Who writes: the one row of `writer`, which every write locks first.

The journal that opens a store takes the next epoch, and a write of an older epoch is refused: a journal that was held
up, and whose place another one has taken, can't add to what that one writes. A store whose writer lives is not taken.
To rename, fork or delete takes no epoch: it is one transaction, between two of the journal's. But only the program
whose journal writes may delete: its agents would go on with what is gone.
"""

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.os_process import pid_of_another, this_process
from agents.sessions.errors import Fenced, StoreInUse
from agents.sessions.tables import WRITER


async def claim(connection: AsyncConnection) -> int:
    """The next epoch, which is ours. Raises StoreInUse if another OS process of this host has the store."""
    await lock(connection)
    await check_free(connection)
    epoch: int = (await connection.execute(select(WRITER.c.epoch))).scalar_one() + 1
    await connection.execute(update(WRITER).values(epoch=epoch, owner=this_process()))
    return epoch


async def check_free(connection: AsyncConnection) -> None:
    """Raises StoreInUse if another OS process of this host has the store."""
    owner = (await connection.execute(select(WRITER.c.owner))).scalar_one()
    if owner is not None and (pid := pid_of_another(owner)) is not None:
        raise StoreInUse(pid)


async def release(connection: AsyncConnection, epoch: int) -> None:
    """The store has no writer, if it was this one."""
    await connection.execute(update(WRITER).where(WRITER.c.epoch == epoch).values(owner=None))


async def lock(connection: AsyncConnection, epoch: int | None = None) -> None:
    """Begin to write: whoever else wants to waits for the end of this transaction. Raises Fenced.

    An update, since SQLite must not begin with reading: it could not become a writer once another one has been.
    """
    mine = update(WRITER) if epoch is None else update(WRITER).where(WRITER.c.epoch == epoch)
    if not (await connection.execute(mine.values(epoch=WRITER.c.epoch))).rowcount:
        raise Fenced("the store has another writer: it was taken while this one did not write")
