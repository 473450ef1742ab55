"""The refusals of changes to schedules. The text of each is one line for the caller."""

from collections.abc import Iterable

from agents.core.faults import Fault


class ScheduleError(Exception):
    """The base class of these refusals."""


class InvalidSchedule(ScheduleError, ValueError):
    """The keys of a schedule are faulty. faults: one for each."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(map(str, self.faults)))


class UnknownSchedule(ScheduleError):
    """No schedule has the name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"expected the name of a schedule, got {name!r}"[:200])


class ScheduleExists(ScheduleError):
    """Another schedule has the name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"expected an unused name, got {name!r}, which is in use"[:300])


class TooManySchedules(ScheduleError):
    """The owner has as many schedules as it may."""

    def __init__(self, most: int) -> None:
        super().__init__(f"expected at most {most} schedules of one user: remove one first")


class InConfiguration(ScheduleError):
    """A schedule of the configuration can't be removed while the program runs."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the configuration has the schedule {name!r}: remove it there and reload, or pause it")


class RunIsActive(ScheduleError):
    """A run of the schedule is not over, and its `overlap` allows no other one."""

    def __init__(self) -> None:
        super().__init__("a run of this schedule waits or is active, and its overlap allows no other one")
