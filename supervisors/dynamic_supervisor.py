"""DynamicSupervisor: any number of children, started on demand from one template. Elixir: DynamicSupervisor.

    workers = await start_dynamic_supervisor(DynamicFlags(max_children=100), ChildSpec("worker", Worker, settings))
    pid = await start_child(workers, job)                # Worker is started with (settings, job)
    await terminate_child(workers, pid)

OTP's simple_one_for_one: a child is known by its Pid, restarted alone by the template's restart type and with the same
args, and forgotten when it is not restarted. With DynamicFlags(per_child=True) a child that crashes too often is given
up, and its siblings go on. Children start one after the other: the next start waits for the init of the one before. All
children stop at once, under one timer. A start or stop costs the same however many children there are.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ClassVar, TypeAlias, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from actors import IGNORE, SHUTDOWN, Caller, Exit, GenServer, Next, NoReply, Pid, Reply, Stop, cast, start_link
from actors.kernel.process import Process
from actors.server.outcomes import Ignore
from supervisors import reports
from supervisors.api import (
    ChangeCode,
    CountChildren,
    GetCallbackModule,
    GetChildspec,
    TerminateChild,
    WhichChildren,
    count_children,
    get_childspec,
    request,
    terminate_child,
    which_children,
)
from supervisors.child_process import Outcome, begin_process, pid_of, stop_processes, why
from supervisors.child_spec import ChildSpec, ChildType, RestartType, check_childspecs
from supervisors.children import RESTARTING, ChildInfo, Counts
from supervisors.errors import Invalid, InvalidChildSpec, InvalidTree, MaxChildren, NotFound, WrongSupervisor
from supervisors.flags import AutoShutdown, DynamicFlags
from supervisors.restart import Fate, RestartLog, fate, is_failure, is_stop_failure

__all__ = [
    "DynamicSupervisor",
    "count_children",
    "get_childspec",
    "start_child",
    "start_dynamic_supervisor",
    "terminate_child",
    "which_children",
]

Template: TypeAlias = tuple[DynamicFlags, ChildSpec] | Ignore
Args: TypeAlias = tuple[Any, ...]
T = TypeVar("T")


class StartDynamicChild(Struct, frozen=True):
    meant: ClassVar[str] = "supervisors.start_child(supervisor, spec)"
    args: Args


class TryAgain(Struct, frozen=True):
    """To itself: the restart of the child that was this process failed. OTP: try_again_restart."""

    pid: Pid


class Brood(Struct, frozen=True):
    """The state of a DynamicSupervisor. The mappings, from Pids, change in place: there may be 100,000.

    restarting: by the Pid of the process that ended. restarts: of all children. restarts_of: of each child that was
    restarted of late, if flags.per_child.
    """

    flags: DynamicFlags
    template: ChildSpec
    running: dict[Pid, Args]
    restarting: dict[Pid, Args]
    restarts: RestartLog = RestartLog()
    restarts_of: dict[Pid, RestartLog] = field(default_factory=dict)


async def start_dynamic_supervisor(flags: DynamicFlags, template: ChildSpec, name: str | None = None) -> Pid:
    """A supervisor of children made from template, linked to the calling process."""
    return await start_link(DynamicSupervisor, flags, template, name=name)


async def start_child(supervisor: Pid | str, *args: Any) -> Pid | Any:
    """Start a child with the template's args and these: the Pid; (Pid, info) with info; None if it ignored.

    Raises StartFailed, AlreadyStarted, MaxChildren; then nothing was added. OTP: start_child(Sup, ExtraArgs).
    """
    return await request(supervisor, StartDynamicChild(args))


class DynamicSupervisor(GenServer[Brood]):
    """Subclass with `tree`, or start it with DynamicFlags and a template."""

    trap_exit = True
    eager = True
    child_type: ClassVar[ChildType] = ChildType.SUPERVISOR

    def tree(self, *args: Any) -> Template:
        """The flags and the template, or IGNORE."""
        flags, template = args
        return flags, template

    def init(self, *args: Any) -> Brood | Ignore:
        tree = self.tree(*args)
        if isinstance(tree, Ignore):
            return IGNORE
        flags, template = _checked(tree)
        return Brood(flags, template, {}, {})

    def handle_call(self, request: Any, caller: Caller, state: Brood) -> Reply[Brood] | Awaitable[Reply[Brood]]:
        match request:
            case StartDynamicChild(args):
                return self._add(args, state)
            case TerminateChild(pid):
                return self._terminate_child(pid, state)
            case GetChildspec(child):
                return Reply(state.template if _had(state, child) else NotFound(child), state)
            case WhichChildren():
                return Reply(_which(state), state)
            case CountChildren():
                return Reply(_count(state), state)
            case GetCallbackModule():
                return Reply(type(self), state)
            case ChangeCode(args):
                return self._change_code(args, state)
        return Reply(WrongSupervisor("a request that a DynamicSupervisor knows", request), state)

    def handle_info(self, message: Any, state: Brood) -> Next[Brood] | Awaitable[Next[Brood]]:
        if type(message) is not Exit:
            reports.message_dropped(self._process, message)
            return NoReply(state)
        args = state.running.pop(message.pid, None)
        if args is None:
            return NoReply(state)
        template, reason = state.template, message.reason
        if is_failure(template.restart, reason):
            reports.child_terminated(self._process, template, message.pid, reason)
        if fate(template.restart, reason) is Fate.RESTART:
            return self._restart(message.pid, args, state)
        state.restarts_of.pop(message.pid, None)
        return NoReply(state)

    def handle_cast(self, message: Any, state: Brood) -> Next[Brood] | Awaitable[Next[Brood]]:
        if type(message) is not TryAgain:
            reports.message_dropped(self._process, message)
            return NoReply(state)
        args = state.restarting.pop(message.pid, None)
        if args is None:  # terminated meanwhile: that cancels the restart
            return NoReply(state)
        return self._restart(message.pid, args, state)

    def code_change(self, old_version: Any, state: Brood, extra: tuple[Any, ...] | None) -> Brood:
        """By sys.change_code. extra: the arguments of tree; None keeps flags and specs. See supervisors.code_change."""
        if extra is None:
            return state
        changed = self._change_code(extra, state)
        if isinstance(changed.value, Invalid):
            raise changed.value
        return changed.state

    def name_of(self, args: Args) -> str:
        """The child that is started with these args, for the log."""
        return ""

    async def terminate(self, reason: Any, state: Brood) -> None:
        template = state.template
        reasons = await stop_processes(self._process, state.running, template.shutdown)
        failures = [reason for reason in reasons.values() if is_stop_failure(template, reason)]
        reports.children_not_stopped(self._process, template, failures)

    def _add(self, args: Args, state: Brood) -> Reply[Brood] | Awaitable[Reply[Brood]]:
        limit = state.flags.max_children
        if limit is not None and len(state.running) + len(state.restarting) >= limit:
            return Reply(MaxChildren(limit), state)

        def added(outcome: Outcome) -> Reply[Brood]:
            if outcome is not None and not isinstance(outcome, Exception):
                _note(state, outcome, args)
            return Reply(outcome, state)

        return self._start(args, state, added)

    async def _terminate_child(self, pid: Any, state: Brood) -> Reply[Brood]:
        """Source: the clauses of terminate_child for simple_one_for_one in supervisor:handle_call/3 (OTP)."""
        if not isinstance(pid, Pid):
            return Reply(WrongSupervisor("the Pid of a dynamic child", pid), state)
        if state.restarting.pop(pid, None) is not None:
            state.restarts_of.pop(pid, None)
            return Reply(None, state)
        if pid not in state.running:
            return Reply(NotFound(pid) if pid.alive else None, state)
        reason = (await stop_processes(self._process, (pid,), state.template.shutdown))[pid]
        if is_stop_failure(state.template, reason):
            reports.children_not_stopped(self._process, state.template, [reason])
        del state.running[pid]
        state.restarts_of.pop(pid, None)
        return Reply(None, state)

    def _change_code(self, args: Args, state: Brood) -> Reply[Brood]:
        try:
            tree = self.tree(*args)
            if isinstance(tree, Ignore):
                return Reply(None, state)
            flags, template = _checked(tree)
        except Invalid as fault:
            return Reply(fault, state)
        return Reply(None, replace(state, flags=flags, template=template))

    def _restart(self, ended: Pid, args: Args, state: Brood) -> Next[Brood] | Awaitable[Next[Brood]]:
        """Source: supervisor:restart/2,3 (OTP)."""
        counted = self._counted(ended, state)
        if counted is None:
            return self._give_up(ended, args, state)

        def restarted(outcome: Outcome) -> NoReply[Brood]:
            if isinstance(outcome, Exception):
                reports.child_not_started(self._process, counted.template, why(outcome))
                counted.restarting[ended] = args
                cast(self.pid, TryAgain(ended))
                return NoReply(counted)
            restarts = counted.restarts_of.pop(ended, None)
            if outcome is not None:
                _note(counted, outcome, args)
                if restarts is not None:
                    counted.restarts_of[pid_of(outcome)] = restarts
            return NoReply(counted)

        return self._start(args, counted, restarted)

    def _counted(self, ended: Pid, state: Brood) -> Brood | None:
        """The state with one more restart; None if that is one too many."""
        flags, now_s = state.flags, self._process.system.loop.time()
        if not flags.per_child:
            restarts = state.restarts.spend(now_s, flags.intensity, flags.period_s)
            return None if restarts is None else replace(state, restarts=restarts)
        own = state.restarts_of.pop(ended, RestartLog()).spend(now_s, flags.intensity, flags.period_s)
        if own is None:
            return None
        state.restarts_of[ended] = own
        return state

    def _give_up(self, ended: Pid, args: Args, state: Brood) -> Next[Brood]:
        """The child, or all: whichever has the limit."""
        if state.flags.per_child:
            reports.child_given_up(self._process, state.template, ended, self.name_of(args))
            return NoReply(state)
        reports.gave_up(self._process, state.template, ended)
        return Stop(SHUTDOWN, state)

    def _start(self, args: Args, state: Brood, proceed: Callable[[Outcome], T]) -> T | Awaitable[T]:
        """Go on with the outcome of a start: at once, unless it waits."""
        outcome = begin_process(self._process, state.template, args)
        if type(outcome) is Pid or not isinstance(outcome, Coroutine):
            return proceed(outcome)
        return _when(outcome, proceed)

    @property
    def _process(self) -> Process:
        process: Process = self._myRef
        return process


def _checked(tree: Any) -> tuple[DynamicFlags, ChildSpec]:
    if not (isinstance(tree, tuple) and len(tree) == 2):
        raise InvalidTree("bad_return", "(DynamicFlags, template) or IGNORE from tree", tree)
    flags, template = tree
    if not isinstance(flags, DynamicFlags):
        raise InvalidTree("invalid_type", "DynamicFlags from tree", flags)
    check_childspecs((template,), AutoShutdown.NEVER)
    if template.name is not None:
        raise InvalidChildSpec("invalid_name", "a template without a name: no two children can share it", template.name)
    return flags, template


def _note(state: Brood, outcome: Pid | tuple[Pid, Any], args: Args) -> None:
    """A temporary child is never started again, so nothing keeps its args alive."""
    state.running[pid_of(outcome)] = () if state.template.restart == RestartType.TEMPORARY else args


async def _when(starting: Awaitable[Outcome], proceed: Callable[[Outcome], T]) -> T:
    return proceed(await starting)


def _had(state: Brood, child: Any) -> bool:
    """Whether the template may be the spec of this child: of a dead process that can't be told. OTP: find_child/2."""
    if isinstance(child, Pid):
        return child in state.running or child in state.restarting or not child.alive
    return bool(child == state.template.id)


def _which(state: Brood) -> list[ChildInfo]:
    kind = state.template.type
    running = [ChildInfo(None, pid, kind) for pid in state.running]
    return running + [ChildInfo(None, RESTARTING, kind)] * len(state.restarting)


def _count(state: Brood) -> Counts:
    children = len(state.running) + len(state.restarting)
    supervisors = children if state.template.type == ChildType.SUPERVISOR else 0
    return Counts(1, len(state.running), supervisors, children - supervisors)
