"""DynamicSupervisor: any number of children, started on demand from one template. Elixir: DynamicSupervisor.

    workers = await start_dynamic_supervisor(DynamicFlags(max_children=100), ChildSpec("worker", Worker, settings))
    pid = await start_child(workers, job)                # Worker is started with (settings, job)
    await terminate_child(workers, pid)

This is OTP's simple_one_for_one. A child is known by its Pid. The template's restart type decides whether the child is
restarted, with the same arguments; its siblings go on. A child that is not restarted is forgotten.

    outcomes = await start_children(workers, [(job,), (other,)])    # the inits of both wait side by side

With DynamicFlags(per_child=True) a child that crashes too often is not restarted, and its siblings go on. Children
start one after another: each start waits for the earlier child's init, except those of one start_children. All children
stop at once, under one timer. The cost of a start or a stop does not depend on the number of children.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, ClassVar, TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from actors import IGNORE, SHUTDOWN, Caller, Next, NoReply, Pid, Reply, Request, Stop, cast, start_link
from actors.server.outcomes import Ignore
from supervisors import reports
from supervisors.api import (
    CodeChange,
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
from supervisors.base import BaseSupervisor, TryAgain
from supervisors.child_process import Outcome, begin_process, pid_of, start_failure, stop_processes
from supervisors.child_spec import ChildSpec
from supervisors.dynamic_children import Args, DynamicState, checked_template
from supervisors.errors import MaxChildren, NotFound, WrongSupervisor
from supervisors.flags import DynamicFlags
from supervisors.restart import Fate, fate, is_failure, is_stop_failure

__all__ = [
    "DynamicState",
    "DynamicSupervisor",
    "count_children",
    "get_childspec",
    "start_child",
    "start_children",
    "start_dynamic_supervisor",
    "terminate_child",
    "which_children",
]

Template: TypeAlias = tuple[DynamicFlags, ChildSpec] | tuple[DynamicFlags, ChildSpec, Any] | Ignore
T = TypeVar("T")


class StartDynamicChild(Struct, Request[Any], frozen=True):
    meant: ClassVar[str] = "supervisors.start_child(supervisor, spec)"
    args: Args


class StartDynamicChildren(Struct, Request[list[Outcome]], frozen=True):
    meant: ClassVar[str] = "supervisors.start_child(supervisor, spec)"
    children: tuple[Args, ...]


async def start_dynamic_supervisor(flags: DynamicFlags, template: ChildSpec, name: str | None = None) -> Pid:
    """Start a supervisor of children made from template, linked to the calling process."""
    return await start_link(DynamicSupervisor, flags, template, name=name)


async def start_child(supervisor: Pid | str, *args: Any) -> Pid | Any:
    """Start a child with the template's arguments and these. OTP: start_child(Sup, ExtraArgs).

    Return its Pid, (Pid, info) if its start gave info, or None if it ignored. Raises StartFailed, AlreadyStarted and
    MaxChildren; in each case no child was added.
    """
    return await request(supervisor, StartDynamicChild(args))


async def start_children(supervisor: Pid | str, children: Iterable[Args]) -> list[Outcome]:
    """Start a child for each of these further arguments, in this order and side by side.

    Return the outcome of each: what start_child returns, or the exception that it raises. The failure of one child does
    not affect the others. Raises MaxChildren if the limit has no room for all; then no child was added.
    """
    return await request(supervisor, StartDynamicChildren(tuple(children)))


class DynamicSupervisor(BaseSupervisor[DynamicState]):
    """Subclass with `tree`, or start it with DynamicFlags and a template."""

    def tree(self, *args: Any, **kwargs: Any) -> Template:
        """Return the flags and the template, or IGNORE. A third value is kept as the state's `extra`."""
        flags, template = args
        return flags, template

    def init(self, *args: Any) -> DynamicState | Ignore:
        tree = self.tree(*args)
        if isinstance(tree, Ignore):
            return IGNORE
        flags, template, extra = checked_template(tree)
        return DynamicState(flags, template, {}, {}, extra=extra)

    def handle_call(
        self, request: Any, caller: Caller, state: DynamicState
    ) -> Reply[DynamicState] | Awaitable[Reply[DynamicState]]:
        match request:
            case StartDynamicChild(args):
                return self._add(args, state)
            case StartDynamicChildren(children):
                return self._add_all(children, state)
            case TerminateChild(pid):
                return self._terminate_child(pid, state)
            case GetChildspec(child):
                return Reply(state.template if state.may_have(child) else NotFound(child), state)
            case WhichChildren():
                return Reply(state.which(), state)
            case CountChildren():
                return Reply(state.count(), state)
            case GetCallbackModule():
                return Reply(type(self), state)
            case CodeChange(args):
                return self.change_tree(args, state)
        return Reply(WrongSupervisor("a request that a DynamicSupervisor knows", request), state)

    def child_ended(
        self, pid: Pid, reason: Any, state: DynamicState
    ) -> Next[DynamicState] | Awaitable[Next[DynamicState]]:
        args = state.running.pop(pid, None)
        if args is None:
            return NoReply(state)
        template = state.template
        if is_failure(template.restart, reason):
            reports.child_terminated(self.process, template, pid, reason, self.name_of(args))
        if fate(template.restart, reason) is Fate.RESTART:
            return self._restart(pid, args, state)
        state.restarts_of.pop(pid, None)
        return NoReply(state)

    def restart_again(self, child: Any, state: DynamicState) -> Next[DynamicState] | Awaitable[Next[DynamicState]]:
        args = state.restarting.pop(child, None)
        return NoReply(state) if args is None else self._restart(child, args, state)

    def with_tree(self, tree: Any, state: DynamicState) -> DynamicState:
        flags, template, extra = checked_template(tree)
        return replace(state, flags=flags, template=template, extra=extra)

    def name_of(self, args: Args) -> str:
        """Return the name that the log gives the child started with these arguments."""
        return ""

    async def terminate(self, reason: Any, state: DynamicState) -> None:
        template = state.template
        reasons = await stop_processes(self.process, state.running, template.shutdown)
        failures = [reason for reason in reasons.values() if is_stop_failure(template, reason)]
        reports.children_not_stopped(self.process, template, failures)

    def _add(self, args: Args, state: DynamicState) -> Reply[DynamicState] | Awaitable[Reply[DynamicState]]:
        limit = state.flags.max_children
        if limit is not None and state.size >= limit:
            return Reply(MaxChildren(limit), state)

        def added(outcome: Outcome) -> Reply[DynamicState]:
            if outcome is not None and not isinstance(outcome, Exception):
                state.add(outcome, args)
            return Reply(outcome, state)

        return self._start(args, state, added)

    async def _add_all(self, children: tuple[Args, ...], state: DynamicState) -> Reply[DynamicState]:
        limit = state.flags.max_children
        if limit is not None and state.size + len(children) > limit:
            return Reply(MaxChildren(limit), state)
        starting = [begin_process(self.process, state.template, args) for args in children]
        waiting = iter(await asyncio.gather(*(each for each in starting if isinstance(each, Coroutine))))
        outcomes = [next(waiting) if isinstance(each, Coroutine) else each for each in starting]
        for args, outcome in zip(children, outcomes, strict=True):
            if outcome is not None and not isinstance(outcome, Exception):
                state.add(outcome, args)
        return Reply(outcomes, state)

    async def _terminate_child(self, pid: Any, state: DynamicState) -> Reply[DynamicState]:
        """Stop a child or cancel its restart. Source: supervisor:handle_call/3 (OTP), for simple_one_for_one."""
        if not isinstance(pid, Pid):
            return Reply(WrongSupervisor("the Pid of a dynamic child", pid), state)
        if state.restarting.pop(pid, None) is not None:
            state.restarts_of.pop(pid, None)
            return Reply(None, state)
        if pid not in state.running:
            return Reply(NotFound(pid) if pid.alive else None, state)
        reason = (await stop_processes(self.process, (pid,), state.template.shutdown))[pid]
        if is_stop_failure(state.template, reason):
            reports.children_not_stopped(self.process, state.template, [reason])
        del state.running[pid]
        state.restarts_of.pop(pid, None)
        return Reply(None, state)

    def _restart(
        self, ended: Pid, args: Args, state: DynamicState
    ) -> Next[DynamicState] | Awaitable[Next[DynamicState]]:
        """Restart a child, unless the limit is exceeded. Source: supervisor:restart/2,3 (OTP)."""
        counted = state.with_restart(ended, self.process.system.loop.time())
        if counted is None:
            return self._give_up(ended, args, state)

        def restarted(outcome: Outcome) -> NoReply[DynamicState]:
            if isinstance(outcome, Exception):
                reports.child_not_started(self.process, counted.template, start_failure(outcome))
                counted.restarting[ended] = args
                cast(self.pid, TryAgain(ended))
                return NoReply(counted)
            restarts = counted.restarts_of.pop(ended, None)
            if outcome is not None:
                counted.add(outcome, args)
                if restarts is not None:
                    counted.restarts_of[pid_of(outcome)] = restarts
            return NoReply(counted)

        return self._start(args, counted, restarted)

    def _give_up(self, ended: Pid, args: Args, state: DynamicState) -> Next[DynamicState]:
        """Stop restarting: the child if each child has its own limit, else end this supervisor."""
        if state.flags.per_child:
            reports.child_given_up(self.process, state.template, ended, self.name_of(args))
            return NoReply(state)
        reports.gave_up(self.process, state.template, ended)
        return Stop(SHUTDOWN, state)

    def _start(self, args: Args, state: DynamicState, proceed: Callable[[Outcome], T]) -> T | Awaitable[T]:
        """Call proceed with the outcome of a start: at once, unless the start waits."""
        outcome = begin_process(self.process, state.template, args)
        if type(outcome) is Pid or not isinstance(outcome, Coroutine):
            return proceed(outcome)
        return _when(outcome, proceed)


async def _when(starting: Awaitable[Outcome], proceed: Callable[[Outcome], T]) -> T:
    return proceed(await starting)
