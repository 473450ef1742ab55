"""The state of a DynamicSupervisor: its template, its children by Pid, and the log of their restarts."""

from collections.abc import Iterator
from itertools import chain
from typing import Any, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from actors import Pid
from supervisors.base import flags_and_rest
from supervisors.child_process import pid_of
from supervisors.child_spec import ChildSpec, ChildType, RestartType, check_childspecs
from supervisors.children import RESTARTING, ChildInfo, Counts
from supervisors.errors import InvalidChildSpec
from supervisors.flags import AutoShutdown, DynamicFlags
from supervisors.reports import LastCrash, crash_of
from supervisors.restart import RestartLog, pause_s

Args: TypeAlias = tuple[Any, ...]


class ChildRestarts(Struct, frozen=True):
    """The restarts of one child, and its last crash. due_s: the loop's time of the next restart, if the child waits."""

    log: RestartLog
    crash: LastCrash
    due_s: float | None = None


class DynamicState(Struct, frozen=True):
    """The flags, the template and the children. The mappings change in place: they may hold 100,000 children.

    running: the arguments of each child, by its Pid. restarting: the same, by the Pid of the process that ended.
    held: the same of children that crashed too often, with flags.holds. restarts: the log for all children.
    restarts_of: with flags.per_child, those of each child that has been restarted. extra: the third value of `tree`,
    for a subclass.
    """

    flags: DynamicFlags
    template: ChildSpec
    running: dict[Pid, Args]
    restarting: dict[Pid, Args]
    restarts: RestartLog = RestartLog()
    restarts_of: dict[Pid, ChildRestarts] = field(default_factory=dict)
    held: dict[Pid, Args] = field(default_factory=dict)
    extra: Any = None

    def add(self, started: Pid | tuple[Pid, Any], args: Args) -> None:
        """Add a child that runs. A temporary child is never started again, so its arguments are not kept."""
        self.running[pid_of(started)] = () if self.template.restart == RestartType.TEMPORARY else args

    @property
    def size(self) -> int:
        """The number of children that run or wait for their restart."""
        return len(self.running) + len(self.restarting)

    def without_process(self) -> Iterator[tuple[Pid, Args]]:
        """Yield the children that are being restarted or held, each by the Pid of its process that ended."""
        return chain(self.restarting.items(), self.held.items())

    def forget(self, child: Pid) -> Args | None:
        """Remove a child without a process and its restarts. Return its arguments; None for an unknown child."""
        self.restarts_of.pop(child, None)
        args = self.restarting.pop(child, None)
        return self.held.pop(child, None) if args is None else args

    def may_have(self, child: Any) -> bool:
        """Return True if the template may be the spec of this child, as for any dead process. OTP: find_child/2."""
        if isinstance(child, Pid):
            return child in self.running or child in self.restarting or not child.alive
        return bool(child == self.template.id)

    def with_restart(self, ended: Pid, now_s: float, reason: Any) -> "DynamicState | None":
        """Return the state with one more restart counted, or None if the restart exceeds the limit.

        reason: of the end; None after a restart that failed.
        """
        flags = self.flags
        if not flags.per_child:
            restarts = self.restarts.spend(now_s, flags.intensity, flags.period_s)
            return None if restarts is None else replace(self, restarts=restarts)
        known = self.restarts_of.pop(ended, None)
        log = (RestartLog() if known is None else known.log).record(now_s, flags.period_s)
        if log.count <= flags.intensity or flags.holds:
            pause = pause_s(log.count, flags.backoff_s, flags.max_backoff_s)
            crash = known.crash if known is not None and reason is None else crash_of(reason)
            self.restarts_of[ended] = ChildRestarts(log, crash, now_s + pause if pause else None)
        return self if log.count <= flags.intensity else None

    def failed(self, ended: Pid, args: Args, reason: Any) -> None:
        """Note a restart that failed, and is tried again."""
        self.restarting[ended] = args
        if self.flags.per_child:
            known = self.restarts_of.get(ended)
            self.restarts_of[ended] = ChildRestarts(RestartLog() if known is None else known.log, crash_of(reason))

    def pause_of(self, ended: Pid, now_s: float) -> float:
        """Return the seconds to wait before the child's restart."""
        known = self.restarts_of.get(ended)
        return 0.0 if known is None or known.due_s is None else known.due_s - now_s

    def with_child(self, started: Pid | tuple[Pid, Any] | None, ended: Pid, args: Args) -> "DynamicState":
        """Return the state after a restart. The child keeps its restarts. started: None if its start ignored."""
        known = self.restarts_of.pop(ended, None)
        if started is not None:
            self.add(started, args)
            if known is not None:
                self.restarts_of[pid_of(started)] = replace(known, due_s=None)
        return self

    def which(self) -> list[ChildInfo]:
        """Return the answer of which_children."""
        kind = self.template.type
        running = [ChildInfo(None, pid, kind) for pid in self.running]
        return running + [ChildInfo(None, RESTARTING, kind)] * len(self.restarting)

    def count(self) -> Counts:
        """Return the answer of count_children."""
        supervisors = self.size if self.template.type == ChildType.SUPERVISOR else 0
        return Counts(1, len(self.running), supervisors, self.size - supervisors)


def checked_template(tree: Any) -> tuple[DynamicFlags, ChildSpec, Any]:
    """Return the flags, the template and the third value of what `tree` returned. Raises Invalid."""
    tree, extra = (tree[:2], tree[2]) if isinstance(tree, tuple) and len(tree) == 3 else (tree, None)
    flags, template = flags_and_rest(tree, DynamicFlags, "template")
    check_childspecs((template,), AutoShutdown.NEVER)
    if template.name is not None:
        raise InvalidChildSpec("invalid_name", "a template without a name: no two children can share it", template.name)
    return flags, template, extra
