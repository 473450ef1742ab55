"""DynamicSupervisor: any number of children, started on demand from one template. Elixir: DynamicSupervisor.

    workers = await start_dynamic_supervisor(DynamicFlags(max_children=100), ChildSpec("worker", Worker, settings))
    pid = await start_child(workers, job)                # Worker is started with (settings, job)
    await terminate_child(workers, pid)

This is OTP's simple_one_for_one. A child is known by its Pid. The template's restart type decides whether the child is
restarted, with the same arguments; its siblings go on. A child that is not restarted is forgotten.

    outcomes = await start_children(workers, [(job,), (other,)])    # the inits of both wait side by side

With DynamicFlags(per_child=True) a child that crashes too often is not restarted, and its siblings go on. Each child
can have a backoff, and one that crashes too often can be held until it is reset. Children
start one after another: each start waits for the earlier child's init, except those of one start_children. All children
stop at once, under one timer. The cost of a start or a stop does not depend on the number of children.
"""

import asyncio
from collections.abc import Awaitable, Coroutine, Iterable
from typing import Any, ClassVar, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from actors import IGNORE, Caller, Pid, Reply, Request, start_link
from actors.server.outcomes import Ignore
from supervisors import reports
from supervisors.api import (
    CodeChange,
    CountChildren,
    GetCallbackModule,
    GetChildspec,
    ResetChild,
    TerminateChild,
    WhichChildren,
    count_children,
    get_childspec,
    request,
    terminate_child,
    which_children,
)
from supervisors.child_process import Outcome, begin_process, stop_processes
from supervisors.child_spec import ChildSpec
from supervisors.dynamic_children import Args, DynamicState, checked_template
from supervisors.dynamic_restarts import DynamicRestarts
from supervisors.errors import MaxChildren, NotFound, WrongSupervisor
from supervisors.flags import DynamicFlags
from supervisors.restart import is_stop_failure

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


class DynamicSupervisor(DynamicRestarts):
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
            case ResetChild(pid):
                return self.reset_child(pid, state)
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

    def with_tree(self, tree: Any, state: DynamicState) -> DynamicState:
        flags, template, extra = checked_template(tree)
        return replace(state, flags=flags, template=template, extra=extra)

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

        return self.start(args, state, added)

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
        if pid not in state.running:
            if state.forget(pid) is not None:
                return Reply(None, state)
            return Reply(NotFound(pid) if pid.alive else None, state)
        reason = (await stop_processes(self.process, (pid,), state.template.shutdown))[pid]
        if is_stop_failure(state.template, reason):
            reports.children_not_stopped(self.process, state.template, [reason])
        del state.running[pid]
        state.restarts_of.pop(pid, None)
        return Reply(None, state)
