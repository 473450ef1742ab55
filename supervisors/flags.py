"""The flags of a supervisor, which decide how it treats the end of a child. Erlang: supervisor:sup_flags().

A supervisor ends when it would have to restart more than `intensity` times within `period_s`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeGuard

from supervisors.errors import InvalidFlags


class Strategy(StrEnum):
    """The children that are restarted after one has ended.

    ONE_FOR_ONE: that child. ONE_FOR_ALL: all children. REST_FOR_ONE: that child and those started after it.
    """

    ONE_FOR_ONE = "one_for_one"
    ONE_FOR_ALL = "one_for_all"
    REST_FOR_ONE = "rest_for_one"


class AutoShutdown(StrEnum):
    """The condition under which the end of significant children ends the supervisor: never, after one, after all.

    Children that the supervisor stopped do not count.
    """

    NEVER = "never"
    ANY_SIGNIFICANT = "any_significant"
    ALL_SIGNIFICANT = "all_significant"


STRATEGIES: Final = tuple(Strategy)
AUTO_SHUTDOWNS: Final = tuple(AutoShutdown)
"""Tuples for `in`: listing an Enum takes longer than all other checks of Flags."""


@dataclass(frozen=True, slots=True)
class Flags:
    """The flags of a Supervisor. Raises InvalidFlags.

    Source of defaults and order of checks: supervisor:check_flags/1 (OTP).
    """

    strategy: Strategy = Strategy.ONE_FOR_ONE
    intensity: int = 1
    period_s: float = 5.0
    auto_shutdown: AutoShutdown = AutoShutdown.NEVER

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise InvalidFlags("invalid_strategy", "one_for_one, one_for_all or rest_for_one", self.strategy)
        _check_limits(self.intensity, self.period_s)
        if self.auto_shutdown not in AUTO_SHUTDOWNS:
            expected = "never, any_significant or all_significant"
            raise InvalidFlags("invalid_auto_shutdown", expected, self.auto_shutdown)


@dataclass(frozen=True, slots=True)
class DynamicFlags:
    """The flags of a DynamicSupervisor. Its strategy is always one_for_one.

    max_children: None means without limit. per_child: intensity and period_s limit each child. A child that exceeds
    the limit is not restarted, and the supervisor goes on. OTP has no such option: there one child that crashes again
    and again ends all its siblings.

    backoff_s: with per_child, the pause before a child's second restart within period_s. Each further pause is twice as
    long, up to max_backoff_s. 0 means no pauses. holds: with per_child, a child that exceeds the limit is kept without
    a process, and reset_child starts it again.
    """

    intensity: int = 1
    period_s: float = 5.0
    max_children: int | None = None
    per_child: bool = False
    backoff_s: float = 0.0
    max_backoff_s: float = 30.0
    holds: bool = False

    def __post_init__(self) -> None:
        _check_limits(self.intensity, self.period_s)
        if not isinstance(self.per_child, bool):
            raise InvalidFlags("invalid_per_child", "per_child to be True or False", self.per_child)
        if not isinstance(self.holds, bool):
            raise InvalidFlags("invalid_holds", "holds to be True or False", self.holds)
        for name, value in (("backoff_s", self.backoff_s), ("max_backoff_s", self.max_backoff_s)):
            if not _is_finite(value) or value < 0:
                raise InvalidFlags(f"invalid_{name}", f"a finite {name} of 0 seconds or more", value)
        if (self.backoff_s or self.holds) and not self.per_child:
            raise InvalidFlags("bad_combination", "backoff_s and holds only with per_child", self.per_child)
        if self.max_children is not None and not _natural(self.max_children):
            raise InvalidFlags("invalid_max_children", "a max_children of 0 or more, or None", self.max_children)


def _check_limits(intensity: object, period_s: object) -> None:
    if not _natural(intensity):
        raise InvalidFlags("invalid_intensity", "an intensity of 0 or more restarts", intensity)
    if not _is_finite(period_s) or not period_s > 0:
        raise InvalidFlags("invalid_period", "a finite period_s of more than 0 seconds", period_s)


def _is_finite(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def _natural(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
