"""The values of schedules and their runs, as the store has them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct


class Source(StrEnum):
    """The giver of a schedule: the configuration, the program or an administrator, or another client."""

    SETTINGS = "settings"
    HOST = "host"
    CLIENT = "client"


class RunKind(StrEnum):
    """The reason of a planned run: its due time, one that was missed; or a missed one that gets no run."""

    DUE = "due"
    CATCH_UP = "catch_up"
    MISSED = "missed"


class PlannedRun(Struct, frozen=True):
    """A run for a due time. count: the number of due times that it stands for."""

    kind: RunKind
    due_at: datetime
    count: int = 1


class Plan(Struct, frozen=True):
    """The runs for the due times until now, and the next due time. jitter_s: the longest delay of a run.

    fault: why the schedule has no further due times, or "".
    """

    runs: tuple[PlannedRun, ...]
    next_at: datetime | None
    jitter_s: float = 0.0
    fault: str = ""


class RunState(StrEnum):
    """WAITING: it has not begun. ACTIVE: a node runs it. ENDED: it has an outcome."""

    WAITING = "waiting"
    ACTIVE = "active"
    ENDED = "ended"


class RunOutcome(StrEnum):
    """COMPLETE, ERROR, CANCELLED: the end of the run's stream. SKIPPED: an earlier run was not over. MISSED: no run."""

    COMPLETE = "complete"
    ERROR = "error"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    MISSED = "missed"


class ScheduleRecord(Struct, frozen=True):
    """A schedule. definition: its keys, as JSON data. next_at: its next due time, or None if it has none."""

    name: str
    owner: str | None
    source: Source
    definition: dict[str, Any]
    overlap: str
    paused: bool
    next_at: datetime | None
    created_at: datetime


class RunRecord(Struct, frozen=True):
    """A run. id: also that of its stream. start_at: the time from which it may begin. count: as in PlannedRun.

    session_id: None before its beginning. outcome: None before its end. reason: of its outcome, in words.
    """

    id: str
    schedule: str
    due_at: datetime
    start_at: datetime
    state: RunState
    begun_at: datetime | None
    ended_at: datetime | None
    session_id: str | None
    outcome: RunOutcome | None
    reason: str | None
    count: int


class Claim(Struct, frozen=True):
    """A look at the schedules by one program.

    epoch: of its journal. known: the ids of the runs that it carries out. room: how many more it may. share: the most
    active runs of one client's user, on all nodes. catch_up_s: runs for missed due times begin within this time.
    history: ended runs of a schedule to keep.
    """

    now: datetime
    epoch: int
    known: frozenset[str]
    room: int
    share: int
    catch_up_s: float
    history: int


class Claimed(Struct, frozen=True):
    """The result of a look: the runs that this program carries out from now on, each with its schedule.

    next_at: the time of the next look, or None if nothing is due later.
    """

    runs: list[tuple[RunRecord, ScheduleRecord]]
    next_at: datetime | None
