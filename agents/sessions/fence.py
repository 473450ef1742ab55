"""The fence: the first statement of each write, which fails if the journal may not write any more.

A journal has a row in `fences`, by its epoch. Each of its writes locks that row first. Another journal that replaces
it, or finds its node dead, deletes the row, and so waits for a write that runs. Afterwards the store refuses each
write of the old epoch. The nodes of a cluster have a row each, so their writes do not wait for one another.
"""

from typing import Final

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from agents.sessions.errors import Fenced, StoreDamaged
from agents.sessions.tables import FENCES, WRITER

MAX_EPOCH: Final = 2**31 - 1
"""The highest epoch: the number of a stream has the epoch in its higher bits."""

ANOTHER_WRITER: Final = "the store has another writer: it claimed the store while this one did not write"


class Fence(Struct, frozen=True):
    """A journal's permission to write."""

    epoch: int
    incarnation: str


def next_epoch(connection: Connection) -> int:
    """Take the next epoch, and return it. Any other program that wants one waits for the end of the transaction."""
    lock_writer(connection)
    epoch: int = connection.execute(select(WRITER.c.epoch)).scalar_one() + 1
    if epoch > MAX_EPOCH:
        raise StoreDamaged(f"the store is damaged: expected an epoch below {MAX_EPOCH}, got {epoch - 1}")
    connection.execute(update(WRITER).values(epoch=epoch))
    return epoch


def raise_fence(connection: Connection, fence: Fence) -> None:
    connection.execute(insert(FENCES).values(epoch=fence.epoch, incarnation=fence.incarnation))


def pass_fence(connection: Connection, fence: Fence, number: int | None = None) -> None:
    """Begin to write. Raises Fenced. number: of the batch that the transaction writes.

    This is an update: a SQLite transaction that begins with a read can't write after another writer did.
    """
    number_ = FENCES.c.batch if number is None else number
    if not connection.execute(update(FENCES).where(_is(fence)).values(batch=number_)).rowcount:
        raise Fenced(ANOTHER_WRITER)


def has_written(connection: Connection, fence: Fence, number: int) -> bool:
    """Return True if the journal's last batch had this number. Call this after `pass_fence`."""
    return bool(connection.execute(select(FENCES.c.batch).where(_is(fence))).scalar_one() == number)


def drop_fence(connection: Connection, fence: Fence) -> bool:
    """Drop the fence, after a write that runs. Return whether it stood."""
    return bool(connection.execute(delete(FENCES).where(_is(fence))).rowcount)


def lock_writer(connection: Connection) -> None:
    """Wait for other programs that take an epoch, or that change sessions without a journal."""
    connection.execute(update(WRITER).values(epoch=WRITER.c.epoch))


def lock_all(connection: Connection) -> None:
    """Begin a change between the writes of all journals."""
    lock_writer(connection)
    connection.execute(update(FENCES).values(batch=FENCES.c.batch))


def _is(fence: Fence) -> ColumnElement[bool]:
    return and_(FENCES.c.epoch == fence.epoch, FENCES.c.incarnation == fence.incarnation)
