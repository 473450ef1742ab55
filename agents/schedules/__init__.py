"""Schedules: messages to agents at due times, by cron or after each interval.

    await schedules.add(name="news", agent="writer", cron="0 9 * * MON-FRI", timezone="Europe/Berlin", message="News?")
    for run in await schedules.history("news"): ...

The store has each schedule and the history of its runs. In a cluster, each due run has one node. Every function raises
ScheduleError for what the caller can change, SessionError if the store fails, and CallFailed without an application.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec.structs import replace
from pydantic import ValidationError

from actors import call, send
from actors.clock import unix_s
from agents.contract.schedules import RunInfo, ScheduleInfo
from agents.core.faults import Fault
from agents.schedules.errors import (
    InConfiguration,
    InvalidSchedule,
    RunIsActive,
    ScheduleError,
    ScheduleExists,
    TooManySchedules,
    UnknownSchedule,
)
from agents.schedules.scheduler import SCHEDULER, LookAtSchedules, OpenBook
from agents.sessions import StoreDamaged
from agents.sessions.schedules.records import RunRecord, ScheduleRecord, Source
from agents.settings.faults import of_pydantic
from agents.settings.schedules import ScheduleKeys, ScheduleSettings

if TYPE_CHECKING:
    from agents.sessions.schedules.book import Book

__all__ = [
    "InConfiguration",
    "InvalidSchedule",
    "RunInfo",
    "RunIsActive",
    "ScheduleError",
    "ScheduleExists",
    "ScheduleInfo",
    "TooManySchedules",
    "UnknownSchedule",
    "add",
    "find",
    "history",
    "listed",
    "pause",
    "remove",
    "resume",
    "run_now",
]

T = TypeVar("T")
PAGE = 100


async def add(**keys: Any) -> ScheduleInfo:
    """Add a schedule, and return it. keys: those of ScheduleSettings, such as name, agent, message, and cron or every.

    Raises InvalidSchedule, and ScheduleExists.
    """
    given = _checked(keys)
    return await add_checked(given, Source.HOST, given.owner)


async def add_checked(
    keys: ScheduleSettings, source: Source, owner: str | None, most: int | None = None
) -> ScheduleInfo:
    """Add a schedule whose keys are valid. most: the number of schedules that its owner may have.

    Raises ScheduleExists, and TooManySchedules.
    """
    from agents.schedules.due import new_record
    from agents.sessions.schedules import definitions

    new = new_record(keys, source, owner, _now())
    added = await _changed(partial(definitions.add, new=new, most=most))
    if added is False:
        raise ScheduleExists(keys.name)
    if added is not True:
        raise TooManySchedules(most or 0)
    return _info(new)


async def remove(name: str, owner: str | None = None) -> None:
    """Remove a schedule with the history of its runs. A turn that runs goes on.

    owner: the schedule must be this user's, here and below; None: any. Raises UnknownSchedule, and InConfiguration.
    """
    from agents.sessions.schedules import definitions

    if (await _found(name, owner)).source is Source.SETTINGS:
        raise InConfiguration(name)
    await _changed(partial(definitions.remove, name=name))


async def pause(name: str, owner: str | None = None) -> ScheduleInfo:
    """Let no run become due until `resume`. Raises UnknownSchedule."""
    return await _set_paused(name, owner, paused=True)


async def resume(name: str, owner: str | None = None) -> ScheduleInfo:
    """Let the schedule go on with its next due time. The due times during the pause are not missed ones."""
    return await _set_paused(name, owner, paused=False)


async def run_now(name: str, owner: str | None = None) -> str:
    """Begin a run besides those at due times, and return its id. Raises UnknownSchedule, and RunIsActive."""
    from agents.sessions.schedules import runs

    await _found(name, owner)
    id_ = await _changed(partial(runs.run_now, schedule=name, now=_now()))
    if id_ is None:
        raise RunIsActive
    return id_


async def listed(owner: str | None = None, after: str | None = None, limit: int = PAGE) -> list[ScheduleInfo]:
    """Return a page of schedules in the order of their names. after: the last name of the previous page."""
    from agents.sessions.schedules import definitions

    rows = await (await _book()).rows(definitions.listed(owner, after, limit))
    return [_info(definitions.record(row)) for row in rows]


async def find(name: str, owner: str | None = None) -> ScheduleInfo:
    """Return a schedule. Raises UnknownSchedule."""
    return _info(await _found(name, owner))


async def history(name: str, owner: str | None = None, limit: int = PAGE) -> list[RunInfo]:
    """Return the newest runs of a schedule, the newest first. Raises UnknownSchedule."""
    from agents.sessions.schedules import runs

    await _found(name, owner)
    return [_run_info(runs.run_of(row)) for row in await (await _book()).rows(runs.history(name, limit))]


async def _book() -> "Book":
    book = await call(SCHEDULER, OpenBook())
    if isinstance(book, Exception):
        raise book
    return book


async def _changed(work: Callable[[Any], T]) -> T:
    """Change the book, and let the scheduler look at it. Return the result of the work."""
    result = await (await _book()).run(work)
    send(SCHEDULER, LookAtSchedules())
    return result


async def _found(name: str, owner: str | None) -> ScheduleRecord:
    from agents.sessions.schedules import definitions

    rows = await (await _book()).rows(definitions.named(name))
    found = definitions.record(rows[0]) if rows else None
    if found is None or owner not in (None, found.owner):
        raise UnknownSchedule(name)
    return found


async def _set_paused(name: str, owner: str | None, *, paused: bool) -> ScheduleInfo:
    from agents.schedules.due import first_due
    from agents.sessions.schedules import definitions

    found = await _found(name, owner)
    if found.paused is not paused:
        next_at = found.next_at if paused else first_due(_checked(found.definition), _now())
        await _changed(partial(definitions.set_paused, name=name, paused=paused, next_at=next_at))
    return await find(name, owner)


def _checked(keys: Mapping[str, Any]) -> ScheduleSettings:
    try:
        return ScheduleSettings.model_validate(keys)
    except ValidationError as error:
        raise InvalidSchedule(map(_fault_of, error.errors(include_url=False))) from None


def _fault_of(error: Any) -> Fault:
    fault = of_pydantic(error)
    return fault if fault.got else replace(fault, got=repr(error["input"])[:80])


def _info(schedule: ScheduleRecord) -> ScheduleInfo:
    given = schedule.definition  # one of an older version may lack keys
    keys = {name: given.get(name, field.default) for name, field in ScheduleKeys.model_fields.items()}
    own = {"owner": schedule.owner, "source": schedule.source.value, "paused": schedule.paused}
    times = {"next_at": None if schedule.paused else schedule.next_at, "created_at": schedule.created_at}
    try:
        return msgspec.convert({**keys, **own, **times}, ScheduleInfo)
    except msgspec.ValidationError as error:
        raise StoreDamaged(f"the store is damaged: schedule {schedule.name}: {error}") from None


def _run_info(run: RunRecord) -> RunInfo:
    return msgspec.convert({**msgspec.to_builtins(run), "reason": run.reason or ""}, RunInfo)


def _now() -> datetime:
    return datetime.fromtimestamp(unix_s(), UTC)
