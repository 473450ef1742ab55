"""The messages of webhooks on their way: each is written with the event that it is about, and kept until it is sent.

    waiting --sent--> sent
            --the receiver refuses it for good, or too many attempts--> failed

A row that is sent or failed stays for a while, so that an event that happens again after a crash makes no second one.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from agents.sessions.ledger_tables import DELIVERIES
from agents.sessions.side_records import Delivery

if TYPE_CHECKING:
    from agents.sessions.store import Store

WAITING: Final = "waiting"
SENT: Final = "sent"
FAILED: Final = "failed"


class DueDelivery(Struct, frozen=True):
    """A message to send. attempts: those that were begun before. next_at: as the store has it, Unix seconds."""

    id: str
    endpoint: str
    body: bytes
    attempts: int
    next_at: float


def add(connection: Connection, made: Sequence[Delivery]) -> None:
    """Write the messages. One that is there, because its event happens again, stays as it is."""
    rows = [
        {"id": each.id, "endpoint": each.endpoint, "body": each.body, "created_at": each.at, "next_at": 0.0}
        for each in made
    ]
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(DELIVERIES).on_conflict_do_nothing(), rows)


async def due(store: "Store", now_s: float, count: int, endpoints: Collection[str]) -> list[DueDelivery]:
    """Return the messages for these endpoints whose time has come, the oldest first. Raises StoreUnavailable."""
    columns = (DELIVERIES.c[name] for name in DueDelivery.__struct_fields__)
    wanted = select(*columns).where(DELIVERIES.c.state == WAITING, DELIVERIES.c.next_at <= now_s, _for(endpoints))
    rows = await store.rows(wanted.order_by(DELIVERIES.c.next_at, DELIVERIES.c.created_at).limit(count))
    return [DueDelivery(row.id, row.endpoint, row.body, row.attempts, row.next_at) for row in rows]


async def next_time(store: "Store", endpoints: Collection[str]) -> float | None:
    """Return the time of the next message for these endpoints in Unix seconds; None if none waits.

    Raises StoreUnavailable.
    """
    of_these = DELIVERIES.c.state == WAITING, _for(endpoints)
    rows = await store.rows(select(func.min(DELIVERIES.c.next_at).label("at")).where(*of_these))
    at: float | None = rows[0].at
    return at


async def claim(store: "Store", one: DueDelivery, until_s: float) -> bool:
    """Take a message for one attempt. Return False if another node has it. Raises WriteFailed.

    until_s: Unix seconds, when it is due again if this node ends before it has settled the message.
    """
    table = DELIVERIES.c
    mine = table.id == one.id, table.state == WAITING, table.attempts == one.attempts, table.next_at == one.next_at
    change = update(DELIVERIES).where(*mine).values(attempts=one.attempts + 1, next_at=until_s)
    return bool(await store.as_writer(lambda connection: connection.execute(change).rowcount))


async def hurry(store: "Store", until_s: float) -> None:
    """Make the messages due now that a killed program had taken: those due until then. Raises WriteFailed."""
    taken = DELIVERIES.c.state == WAITING, DELIVERIES.c.next_at <= until_s
    await store.as_writer(lambda connection: connection.execute(update(DELIVERIES).where(*taken).values(next_at=0.0)))


async def settle(store: "Store", id_: str, state: str, next_at: float) -> None:
    """Record the outcome of an attempt. Raises WriteFailed."""
    change = update(DELIVERIES).where(DELIVERIES.c.id == id_).values(state=state, next_at=next_at)
    await store.as_writer(lambda connection: connection.execute(change))


async def give_up(store: "Store", endpoint: str) -> int:
    """Mark all messages that wait for this endpoint as failed, and return their number. Raises WriteFailed."""
    change = update(DELIVERIES).where(DELIVERIES.c.endpoint == endpoint, DELIVERIES.c.state == WAITING)
    return await store.as_writer(lambda connection: connection.execute(change.values(state=FAILED)).rowcount)


async def give_up_others(store: "Store", endpoints: Collection[str], before_s: float) -> None:
    """Mark the waiting messages for other endpoints than these as failed, if they are from before this Unix time.

    Raises StoreUnavailable, WriteFailed.
    """
    old = DELIVERIES.c.created_at < datetime.fromtimestamp(before_s, UTC)
    others = DELIVERIES.c.state == WAITING, ~_for(endpoints), old
    if not await store.rows(select(DELIVERIES.c.id).where(*others).limit(1)):  # nearly always
        return
    change = update(DELIVERIES).where(*others).values(state=FAILED, next_at=before_s)
    await store.as_writer(lambda connection: connection.execute(change))


async def forget(store: "Store", before_s: float) -> None:
    """Delete the messages that were settled before this time, in Unix seconds. Raises WriteFailed."""
    old = delete(DELIVERIES).where(DELIVERIES.c.state != WAITING, DELIVERIES.c.next_at < bindparam("before"))
    await store.as_writer(lambda connection: connection.execute(old, {"before": before_s}))


def _for(endpoints: Collection[str]) -> ColumnElement[bool]:
    return DELIVERIES.c.endpoint.in_(list(endpoints))
