"""The statements about the definitions of schedules. Each runs in a transaction of the journal."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from agents.sessions.errors import StoreDamaged
from agents.sessions.ledger_tables import SCHEDULES
from agents.sessions.schedules.records import ScheduleRecord, Source


def record(row: Row[Any]) -> ScheduleRecord:
    """Return the schedule of a row of SCHEDULES, possibly among other columns."""
    found = row._mapping  # noqa: SLF001 (the public name of a row's mapping)
    values = {name: found[SCHEDULES.c[name]] for name in ScheduleRecord.__struct_fields__}
    try:
        return ScheduleRecord(**{**values, "source": Source(values["source"]), "paused": bool(values["paused"])})
    except ValueError:
        raise StoreDamaged("the store is damaged: expected the source of a schedule, got another word") from None


def listed(owner: str | None, after: str | None, limit: int) -> Select[Any]:
    """Return the query for a page of schedules in the order of their names. owner: only this user's; None: all."""
    wanted = select(SCHEDULES).order_by(SCHEDULES.c.name).limit(limit)
    if owner is not None:
        wanted = wanted.where(SCHEDULES.c.owner == owner)
    return wanted if after is None else wanted.where(SCHEDULES.c.name > after)


def configured() -> Select[Any]:
    """Return the query for the names of the configuration's schedules."""
    return select(SCHEDULES.c.name).where(SCHEDULES.c.source == Source.SETTINGS.value)


def named(name: str) -> Select[Any]:
    """Return the query for one schedule."""
    return select(SCHEDULES).where(SCHEDULES.c.name == name)


def find(connection: Connection, name: str, *, lock: bool = False) -> ScheduleRecord | None:
    """Return the schedule, or None. lock: no other node changes it before the end of the transaction."""
    wanted = named(name)
    row = connection.execute(wanted.with_for_update() if lock else wanted).first()
    return None if row is None else record(row)


def add(connection: Connection, new: ScheduleRecord, most: int | None = None) -> bool | int:
    """Add the schedule. Return False if its name is in use, and the number of its owner's if that is `most` or more."""
    if find(connection, new.name, lock=True) is not None:
        return False
    if most is not None:
        mine = select(func.count()).select_from(SCHEDULES).where(SCHEDULES.c.owner == new.owner)
        if (count := int(connection.execute(mine).scalar_one())) >= most:
            return count
    connection.execute(insert(SCHEDULES).values(_values(new)))
    return True


def remove(connection: Connection, name: str) -> None:
    """Remove the schedule with the history of its runs. A run that waits does not begin any more."""
    connection.execute(delete(SCHEDULES).where(SCHEDULES.c.name == name))


def set_paused(connection: Connection, name: str, *, paused: bool, next_at: datetime | None) -> None:
    """Pause or resume the schedule. next_at: its next due time."""
    connection.execute(update(SCHEDULES).where(SCHEDULES.c.name == name).values(paused=int(paused), next_at=next_at))


def put(connection: Connection, new: ScheduleRecord) -> None:
    """Add the schedule, or replace the definition of the one with its name. The history of its runs stays."""
    values = _values(new)
    changed = {name: value for name, value in values.items() if name not in ("name", "created_at")}
    if not connection.execute(update(SCHEDULES).where(SCHEDULES.c.name == new.name).values(changed)).rowcount:
        connection.execute(insert(SCHEDULES).values(values))


def remove_others(connection: Connection, names: Collection[str]) -> None:
    """Remove the schedules of the configuration that it has no more."""
    gone = configured().where(SCHEDULES.c.name.not_in(names))
    connection.execute(delete(SCHEDULES).where(SCHEDULES.c.name.in_(gone.scalar_subquery())))


def _values(new: ScheduleRecord) -> dict[str, Any]:
    return {**asdict(new), "source": new.source.value, "paused": int(new.paused)}
