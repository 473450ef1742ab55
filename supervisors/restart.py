"""Restart policy as pure functions, without processes and clocks. Erlang: the decisions of supervisor.erl."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from enum import Enum
from itertools import dropwhile, takewhile
from math import floor
from typing import Any

from actors import KILLED, SHUTDOWN
from actors.kernel.signals import orderly
from supervisors.child_spec import BRUTAL_KILL, ChildSpec, RestartType
from supervisors.flags import AutoShutdown, Strategy


class Fate(Enum):
    """The decision about a child that has ended."""

    RESTART = "restart"
    KEEP = "keep"  # its spec stays, without a process
    FORGET = "forget"


def fate(restart: RestartType, reason: Any) -> Fate:
    """Return the decision about a child that ended with reason and was not stopped by its supervisor.

    Source: supervisor:do_restart/3 (OTP).
    """
    if restart == RestartType.PERMANENT:
        return Fate.RESTART
    if restart == RestartType.TEMPORARY:
        return Fate.FORGET
    return Fate.KEEP if orderly(reason) else Fate.RESTART


def is_failure(restart: RestartType, reason: Any) -> bool:
    """Return True if the end of a child is logged as an error. A permanent child should never end."""
    return restart == RestartType.PERMANENT or not orderly(reason)


def is_stop_failure(spec: ChildSpec, reason: Any) -> bool:
    """Return True if a stopped child's exit reason is not that of its shutdown. Source: supervisor:shutdown/1 (OTP)."""
    if reason is (KILLED if spec.shutdown is BRUTAL_KILL else SHUTDOWN):
        return False
    return spec.restart == RestartType.PERMANENT or not orderly(reason)


@dataclass(frozen=True, slots=True)
class RestartLog:
    """The recent restarts as (second, number), newest first. The period bounds its size; the restarts do not."""

    seconds: tuple[tuple[int, int], ...] = ()

    def record(self, now_s: float, period_s: float) -> "RestartLog":
        """Add a restart at now_s and drop those older than the period.

        now_s: monotonic seconds; must not go backwards. Source: supervisor:add_restart/1 (OTP), which counts in whole
        seconds and keeps the edge: the window is period_s at least, and less than one second longer.
        """
        now = floor(now_s)
        kept = tuple(takewhile(lambda entry: entry[0] >= now - period_s, self.seconds))
        if kept and kept[0][0] == now:
            return RestartLog(((now, kept[0][1] + 1), *kept[1:]))
        return RestartLog(((now, 1), *kept))

    def spend(self, now_s: float, intensity: int, period_s: float) -> "RestartLog | None":
        """Return the log with one more restart, or None if it then has more than intensity within period_s."""
        spent = self.record(now_s, period_s)
        return spent if spent.count <= intensity else None

    @property
    def count(self) -> int:
        return sum(times for _, times in self.seconds)

    def within(self, now_s: float, period_s: float) -> int:
        """Return the number of restarts in the window that ends at now_s."""
        return sum(times for second, times in self.seconds if second >= floor(now_s) - period_s)


def pause_s(restarts: int, backoff_s: float, max_backoff_s: float) -> float:
    """Return the seconds before a restart. restarts: those within the period, with this one. The first has no pause."""
    return 0.0 if restarts < 2 else min(max_backoff_s, backoff_s * 2.0 ** min(restarts - 2, 64))


def restart_group(strategy: Strategy, ids: Iterable[Hashable], ended: Hashable) -> tuple[Hashable, ...]:
    """Return the children to restart after one has ended, in start order. Those that run are stopped first.

    ids: all children in start order. Source: supervisor:restart/3 (OTP).
    """
    match strategy:
        case Strategy.ONE_FOR_ONE:
            return (ended,)
        case Strategy.REST_FOR_ONE:
            return tuple(dropwhile(lambda child: child != ended, ids))
        case Strategy.ONE_FOR_ALL:
            return tuple(ids)


def shuts_down(auto_shutdown: AutoShutdown, ended: ChildSpec, others: Iterable[ChildSpec]) -> bool:
    """Return True if the end of a child that is not restarted ends its supervisor, too.

    others: the specs of the children that run or are being restarted. Source: supervisor:do_auto_shutdown/2 (OTP).
    """
    if not ended.significant or auto_shutdown == AutoShutdown.NEVER:
        return False
    return auto_shutdown == AutoShutdown.ANY_SIGNIFICANT or not any(other.significant for other in others)
