"""The keys of a schedule: a message to an agent at due times. Times are in seconds, as cron and people count them.

A client of the gateway gives the same keys, except owner and paused.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from agents.core.faults import Fault, InvalidValue
from agents.extras import extra
from agents.settings.values import (
    MOST,
    NUMBER,
    AgentId,
    Count,
    Flag,
    Spelled,
    TextOnly,
    Unit,
    UserName,
    Wait,
)

FIELDS: Final = 5
CRON_WORDS: Final = 'a cron expression of five fields that has due times, such as "0 9 * * MON-FRI"'
ZONE_WORDS: Final = "a time zone that this machine knows, such as Europe/Berlin"
MESSAGE_CHARS: Final = 100_000
MOST_MISSED: Final = 100
LONGEST_S: Final = MOST / 1000


class Missed(StrEnum):
    """The treatment of due times at which no program ran: none, one run for all of them, or one for each."""

    SKIP = "skip"
    ONCE = "once"
    ALL = "all"


class Overlap(StrEnum):
    """The treatment of a due time while an earlier run is not over: no run, one that waits, or one beside it."""

    SKIP = "skip"
    WAIT = "wait"
    ALLOW = "allow"


class RunSession(StrEnum):
    """The session of a run: one of its own, or the agent's own one."""

    OWN = "own"
    LASTING = "lasting"


def zone_of(name: str) -> tzinfo:
    """Return the time zone. Raises InvalidValue for one that is not known here."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidValue(Fault((), ZONE_WORDS, repr(name))) from None


def _zone(name: str) -> str:
    zone_of(name)
    return name


def _cron(expression: str) -> str:
    """Return the expression with single spaces. Raises InvalidValue for one that is faulty or never due."""
    with extra("daemon", "a schedule"):
        from cronsim import CronSim, CronSimError
    words = expression.split()
    if len(words) != FIELDS:  # with six, the first would be seconds
        raise InvalidValue(Fault((), CRON_WORDS, repr(expression)))
    try:
        next(CronSim(" ".join(words), datetime(2000, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration):
        raise InvalidValue(Fault((), CRON_WORDS, repr(expression))) from None
    return " ".join(words)


CronExpression = Annotated[str, Field(max_length=200), AfterValidator(_cron), Spelled(CRON_WORDS)]
TimeZone = Annotated[str, Field(max_length=100), AfterValidator(_zone), Spelled(ZONE_WORDS)]
Interval = Annotated[float, NUMBER, Field(ge=1, le=LONGEST_S, allow_inf_nan=False), Unit("s")]
SomeSeconds = Annotated[float, NUMBER, Field(ge=0, le=LONGEST_S, allow_inf_nan=False), Unit("s")]


class ScheduleKeys(TextOnly, BaseModel):
    """The keys of a schedule that a client may give.

    agent: an id. cron, every: one of them; every is in seconds, from the schedule's beginning. timezone: of cron.
    session: see RunSession. missed, overlap: see their classes. max_missed: the most runs for missed due times, if all.
    grace: the time in s after which a due time counts as missed. jitter: a random delay of each run, up to this many s.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: AgentId
    agent: AgentId
    message: Annotated[str, Field(min_length=1, max_length=MESSAGE_CHARS)]
    cron: CronExpression | None = None
    every: Interval | None = None
    timezone: TimeZone = "UTC"
    session: RunSession = RunSession.OWN
    missed: Missed = Missed.SKIP
    max_missed: Annotated[int, NUMBER, Field(gt=0, le=MOST_MISSED)] = 10
    grace: SomeSeconds = 60
    jitter: SomeSeconds = 0
    overlap: Overlap = Overlap.SKIP

    @model_validator(mode="after")
    def _has_due_times(self) -> Self:
        if (self.cron is None) == (self.every is None):
            raise InvalidValue(Fault(("cron",), "either cron or every", "both" if self.cron else "neither"))
        return self


class ScheduleSettings(ScheduleKeys):
    """The keys of a schedule. owner: the user who sees it, and the owner of its own sessions. paused: no run is due."""

    owner: UserName | None = None
    paused: Flag = False


class SchedulingSettings(BaseModel):
    """The limits of all schedules.

    max_running: runs of this program at the same time; the others wait. catch_up_time: runs for missed due times begin
    within this time, at random. history: ended runs of each schedule that the store keeps.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_running: Count = 16
    catch_up_time: Wait = 30_000
    history: Count = 100


def schedule_faults(schedules: Sequence[ScheduleSettings]) -> Iterator[Fault]:
    """Yield a fault for each name that an earlier schedule has. The path of a fault begins in the schedules."""
    for number, each in enumerate(schedules):
        if any(each.name == other.name for other in schedules[:number]):
            yield Fault((number, "name"), "every name once", f"{each.name!a} again")
