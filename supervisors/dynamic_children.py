"""The state of a DynamicSupervisor: its template, its children by Pid, and the log of their restarts."""

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
from supervisors.restart import RestartLog

Args: TypeAlias = tuple[Any, ...]


class DynamicState(Struct, frozen=True):
    """The flags, the template and the children. The mappings change in place: they may hold 100,000 children.

    running: the arguments of each child, by its Pid. restarting: the same, by the Pid of the process that ended.
    restarts: the log for all children. restarts_of: with flags.per_child, the log of each child that has been
    restarted. extra: the third value of `tree`, for a subclass.
    """

    flags: DynamicFlags
    template: ChildSpec
    running: dict[Pid, Args]
    restarting: dict[Pid, Args]
    restarts: RestartLog = RestartLog()
    restarts_of: dict[Pid, RestartLog] = field(default_factory=dict)
    extra: Any = None

    def add(self, started: Pid | tuple[Pid, Any], args: Args) -> None:
        """Add a child that runs. A temporary child is never started again, so its arguments are not kept."""
        self.running[pid_of(started)] = () if self.template.restart == RestartType.TEMPORARY else args

    @property
    def size(self) -> int:
        """The number of children that run or wait for their restart."""
        return len(self.running) + len(self.restarting)

    def may_have(self, child: Any) -> bool:
        """Return True if the template may be the spec of this child, as for any dead process. OTP: find_child/2."""
        if isinstance(child, Pid):
            return child in self.running or child in self.restarting or not child.alive
        return bool(child == self.template.id)

    def with_restart(self, ended: Pid, now_s: float) -> "DynamicState | None":
        """Return the state with one more restart counted, or None if the restart exceeds the limit."""
        flags = self.flags
        if not flags.per_child:
            restarts = self.restarts.spend(now_s, flags.intensity, flags.period_s)
            return None if restarts is None else replace(self, restarts=restarts)
        own = self.restarts_of.pop(ended, RestartLog()).spend(now_s, flags.intensity, flags.period_s)
        if own is None:
            return None
        self.restarts_of[ended] = own
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
