"""The look at the store: due times become runs, and runs get a program that carries them out. One transaction."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from random import uniform
from typing import Any, TypeAlias

from msgspec.structs import replace
from sqlalchemy import Connection, Row

from agents.sessions.schedules import definitions, runs
from agents.sessions.schedules.records import (
    Claim,
    Claimed,
    Plan,
    RunKind,
    RunOutcome,
    RunRecord,
    ScheduleRecord,
)

Planned: TypeAlias = Callable[[ScheduleRecord, datetime], Plan]
SessionOf: TypeAlias = Callable[[RunRecord, ScheduleRecord], str]

AT_ONCE = 20
"""The schedules of one transaction: after a long outage, each may take 5 ms of CPU."""

MOST_WAITING = 100
"""The runs of one schedule that may wait."""

NOT_OVER = "an earlier run was not over"
NOT_RUNNING = "no program ran at {} due time(s)"


def is_due(glance: Row[Any], now: datetime) -> bool:
    """Return whether `claim` may find something. glance: as runs.glance returns it."""
    return bool(glance.lost) or any(each is not None and each <= now for each in (glance.due_at, glance.start_at))


def claim(connection: Connection, look: Claim, planned: Planned, session_of: SessionOf) -> Claimed:
    """Add the runs for the due times that have passed, and return those that this program is to carry out."""
    for schedule in runs.due(connection, look.now, AT_ONCE):
        plan = planned(schedule, look.now)
        if runs.move(connection, schedule, plan.next_at):
            _add(connection, schedule, plan, look)
    found = runs.adopt(connection, look.epoch, look.known, look.room)
    room = look.room - len(found)
    if room > 0:
        found += runs.begin(connection, look, room, session_of)
    return Claimed(found, runs.next_look(connection, look.now))


def configure(connection: Connection, schedules: Iterable[ScheduleRecord]) -> list[str]:
    """Keep exactly these schedules of the configuration. Return the names of another source's that they replace.

    A schedule with the same due times keeps its next one, so that a restart misses none, and whether it is paused.
    """
    replaced, names = [], []
    for new in schedules:
        names.append(new.name)
        old = definitions.find(connection, new.name, lock=True)
        if old is not None and old.source is not new.source:
            replaced.append(new.name)
        elif old is not None and old.definition == new.definition:
            continue
        elif old is not None and _same_times(old, new):
            new = _kept(old, new)
        definitions.put(connection, new)
    definitions.remove_others(connection, names)
    return replaced


def _add(connection: Connection, schedule: ScheduleRecord, plan: Plan, look: Claim) -> None:
    """Add the planned runs. A due time while an earlier run is not over follows the schedule's overlap.

    The runs for missed due times begin at random within the time for them, and those of one schedule in their order.
    """
    waiting, active = runs.unfinished(connection, schedule.name)
    has_room = schedule.overlap == runs.ALLOW or not (waiting or (active and schedule.overlap == runs.SKIP))
    catch_up_at = look.now + timedelta(seconds=uniform(0, max(plan.jitter_s, look.catch_up_s)))  # noqa: S311 (no secret)
    due = partial(runs.add, connection, schedule.name)
    if plan.fault:
        due(look.now, look.now, ended=(RunOutcome.ERROR, plan.fault, look.now))
    for each in plan.runs:
        if each.kind is RunKind.MISSED:
            missed = (RunOutcome.MISSED, NOT_RUNNING.format(each.count), look.now)
            due(each.due_at, each.due_at, count=each.count, ended=missed)
        elif waiting >= MOST_WAITING or (each.kind is RunKind.DUE and not has_room):
            due(each.due_at, each.due_at, count=each.count, ended=(RunOutcome.SKIPPED, NOT_OVER, look.now))
        elif each.kind is RunKind.CATCH_UP:
            due(each.due_at, catch_up_at, count=each.count)
            waiting += 1
        else:
            due(each.due_at, each.due_at + timedelta(seconds=uniform(0, plan.jitter_s)))  # noqa: S311 (no secret)
    runs.prune(connection, schedule.name, look.history)


def _same_times(one: ScheduleRecord, other: ScheduleRecord) -> bool:
    return all(one.definition.get(key) == other.definition.get(key) for key in ("cron", "every", "timezone"))


def _kept(old: ScheduleRecord, new: ScheduleRecord) -> ScheduleRecord:
    """Return the new definition with the place of the old one in time."""
    paused = old.paused if _says(old) == _says(new) else new.paused
    return replace(new, next_at=new.next_at if old.paused and not paused else old.next_at, paused=paused)


def _says(schedule: ScheduleRecord) -> Any:
    return schedule.definition.get("paused")
