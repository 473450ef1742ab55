"""The due times of a schedule, and the runs for those that have passed. Pure: the present time is an argument.

All times are in UTC. A local time that does not exist is due at the first moment after the gap. One that comes twice is
due the first time. This holds for a cron expression with a fixed minute and hour, as in Debian's cron. If one of them
begins with `*`, the expression counts hours as they pass.
"""

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from msgspec import Struct
from pydantic import ValidationError

from agents.extras import extra
from agents.sessions.schedules.records import Plan, PlannedRun, RunKind, ScheduleRecord, Source
from agents.settings.faults import of_pydantic
from agents.settings.schedules import Missed, ScheduleSettings, zone_of

with extra("daemon", "a schedule"):
    from cronsim import CronSim

MOST_COUNTED: Final = 1000
"""The highest number of missed due times of a cron expression that is counted."""


class Passed(Struct, frozen=True):
    """The due times until now. last: the newest ones, oldest first. count: of all, or MOST_COUNTED. next_at: the next.

    next_at: None if no due time follows.
    """

    last: tuple[datetime, ...]
    count: int
    next_at: datetime | None


def first_due(schedule: ScheduleSettings, now: datetime) -> datetime | None:
    """Return the first due time of a schedule that begins now."""
    if schedule.every is not None:
        return now + timedelta(seconds=schedule.every)
    return next(_cron_times(schedule, now), None)


def plan(schedule: ScheduleSettings, next_at: datetime, now: datetime) -> Plan:
    """Return the runs for the due times from next_at until now. next_at: not after now."""
    passed = _passed(schedule, next_at, now)
    *before, last = passed.last
    on_time = now - last <= timedelta(seconds=schedule.grace)
    missed, count = (tuple(before), passed.count - 1) if on_time else (passed.last, passed.count)
    runs = [PlannedRun(RunKind.DUE, last)] if on_time else []
    return Plan((*_catch_up(schedule, missed, count, due=on_time), *runs), passed.next_at, schedule.jitter)


def new_record(keys: ScheduleSettings, source: Source, owner: str | None, now: datetime) -> ScheduleRecord:
    """Return a schedule that begins now."""
    definition = keys.model_dump(mode="json")
    first = first_due(keys, now)
    return ScheduleRecord(keys.name, owner, source, definition, keys.overlap.value, keys.paused, first, now)


def planned(schedule: ScheduleRecord, now: datetime) -> Plan:
    """Return the plan of a stored schedule that is due. One of another version or machine may be unreadable here."""
    assert schedule.next_at is not None
    try:
        keys = ScheduleSettings.model_validate(schedule.definition)
    except ValidationError as invalid:
        fault = of_pydantic(invalid.errors(include_url=False, include_input=False)[0])
        return Plan((), None, fault=f"the schedule can't be read here: {fault}")
    return plan(keys, schedule.next_at, now)


def _catch_up(
    schedule: ScheduleSettings, missed: tuple[datetime, ...], count: int, *, due: bool
) -> Iterator[PlannedRun]:
    """Yield the runs for missed due times. missed: the newest ones. due: whether another run follows at once."""
    if not count:
        return
    last = missed[-1]
    if schedule.missed is Missed.ONCE and not due:
        yield PlannedRun(RunKind.CATCH_UP, last, count)
    elif schedule.missed is Missed.ALL:
        chosen = missed[-schedule.max_missed :]
        if count > len(chosen):
            yield PlannedRun(RunKind.MISSED, missed[-len(chosen) - 1], count - len(chosen))
        yield from (PlannedRun(RunKind.CATCH_UP, each) for each in chosen)
    else:
        yield PlannedRun(RunKind.MISSED, last, count)


def _passed(schedule: ScheduleSettings, next_at: datetime, now: datetime) -> Passed:
    most = schedule.max_missed + 2  # those with a run, the one before them, and one that is on time
    if schedule.every is not None:
        pause = timedelta(seconds=schedule.every)
        more = (now - next_at) // pause
        last = [next_at + number * pause for number in range(max(0, more + 1 - most), more + 1)]
        return Passed(tuple(last), more + 1, next_at + (more + 1) * pause)
    last_ones = deque([next_at], maxlen=most)
    for count, moment in enumerate(islice(_cron_times(schedule, next_at), MOST_COUNTED), 1):
        if moment > now:
            return Passed(tuple(last_ones), count, moment)
        last_ones.append(moment)
    following = next(_cron_times(schedule, now), None)
    if len(last_ones) == most:  # more than are counted, so the newest ones are sought from now backwards
        last_ones.extend(reversed([*islice(_cron_times_before(schedule, now), most)]))
    return Passed(tuple(last_ones), MOST_COUNTED, following)


def _cron_times(schedule: ScheduleSettings, after: datetime) -> Iterator[datetime]:
    """Yield the due times after a moment, each later than the one before.

    CronSim may give a moment again for a local time that does not exist, and an earlier one within an hour that comes
    twice.
    """
    assert schedule.cron is not None
    last = after
    for moment in CronSim(schedule.cron, after.astimezone(zone_of(schedule.timezone))):
        if (found := moment.astimezone(UTC)) > last:
            last = found
            yield found


def _cron_times_before(schedule: ScheduleSettings, until: datetime) -> Iterator[datetime]:
    """Yield the due times from a moment backwards."""
    assert schedule.cron is not None
    begin = (until + timedelta(seconds=1)).astimezone(zone_of(schedule.timezone))
    for moment in CronSim(schedule.cron, begin, reverse=True):
        if (found := moment.astimezone(UTC)) <= until:
            yield found
