"""The shapes of schedules and their runs in answers."""

from typing import Literal, TypeAlias

from msgspec import Struct

from agents.contract.sessions import Time

GivenBy: TypeAlias = Literal["settings", "host", "client"]
StateName: TypeAlias = Literal["waiting", "active", "ended"]
OutcomeName: TypeAlias = Literal["complete", "error", "cancelled", "skipped", "missed"]


class ScheduleInfo(Struct, frozen=True, kw_only=True):
    """A schedule: a message to an agent at due times.

    source: `settings` for one of the configuration. next_at: its next due time; null if it has none. The other keys are
    those with which it was added; times without a date are in seconds.
    """

    name: str
    agent: str
    message: str
    cron: str | None
    every: float | None
    timezone: str
    session: Literal["own", "lasting"]
    missed: Literal["skip", "once", "all"]
    max_missed: int
    grace: float
    jitter: float
    overlap: Literal["skip", "wait", "allow"]
    owner: str | None
    source: GivenBy
    paused: bool
    next_at: Time | None
    created_at: Time


class RunInfo(Struct, frozen=True, kw_only=True):
    """A run of a schedule.

    id: also that of its stream, once it has begun. start_at: the time from which it may begin. session_id: null before
    its beginning. outcome: null before its end. reason: of its outcome, in words. count: the due times it stands for.
    """

    id: str
    schedule: str
    due_at: Time
    start_at: Time
    state: StateName
    begun_at: Time | None
    ended_at: Time | None
    session_id: str | None
    outcome: OutcomeName | None
    reason: str
    count: int


class SchedulePage(Struct, frozen=True):
    """A page of schedules."""

    schedules: list[ScheduleInfo]


class RunList(Struct, frozen=True):
    """The newest runs of a schedule, the newest first."""

    runs: list[RunInfo]


class RunAdded(Struct, frozen=True):
    """A run that begins as soon as it may. run_id: also that of its stream."""

    run_id: str


class ScheduleRemoved(Struct, frozen=True):
    """The schedule was removed, with the history of its runs."""

    removed: bool
