"""Supervisor: a process that starts, watches, restarts and stops its children. Erlang: supervisor.

    class ToolSupervisor(Supervisor):
        def tree(self, settings: Settings) -> tuple[Flags, tuple[ChildSpec, ...]]:
            return Flags(Strategy.REST_FOR_ONE, intensity=3), (
                ChildSpec("registry", ToolRegistry),
                ChildSpec("pool", WorkerPool, settings.workers),
            )

    pid = await start_link(ToolSupervisor, settings)     # actors.start_link: a supervisor is a GenServer
    pid = await start_supervisor(flags, specs)           # from data alone

Children start in order and stop in reverse order. restart.py decides what follows the end of a child. While a child
starts or stops, the supervisor does nothing else. After a restart that failed, the supervisor sends itself a message to
try again, so it answers requests between two tries.
"""

from collections.abc import Awaitable, Hashable, Iterable
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from actors import IGNORE, SHUTDOWN, Caller, Next, NoReply, Pid, Reply, Shutdown, Stop, cast, start_link
from actors.kernel.errors import in_words
from actors.server.outcomes import Ignore
from supervisors import reports
from supervisors.api import (
    CodeChange,
    CountChildren,
    DeleteChild,
    GetCallbackModule,
    GetChildspec,
    RestartChild,
    StartChild,
    TerminateChild,
    WhichChildren,
)
from supervisors.base import BaseSupervisor, TryAgain, flags_and_rest
from supervisors.child_process import Outcome, pid_of, start_failure, start_process, stop_processes
from supervisors.child_spec import ChildSpec, RestartType, check_childspecs
from supervisors.children import RESTARTING, Child, Children
from supervisors.errors import (
    AlreadyPresent,
    AlreadyStarted,
    InvalidChildSpec,
    NotFound,
    SupervisorError,
    WrongSupervisor,
)
from supervisors.flags import Flags
from supervisors.restart import Fate, RestartLog, fate, is_failure, is_stop_failure, restart_group, shuts_down

Tree: TypeAlias = tuple[Flags, Iterable[ChildSpec]] | Ignore


class FailedToStartChild(Struct, frozen=True):
    """The child that kept a supervisor from starting. The supervisor's exit reason is Shutdown(this)."""

    child: Hashable
    reason: Any

    def in_words(self) -> str:
        """Return the failed child, the failed child below it, and so on to the cause."""
        return f"child {self.child!r}: {in_words(self.reason)}"


class SupervisorState(Struct, frozen=True):
    """The state of a Supervisor."""

    flags: Flags
    children: Children
    restarts: RestartLog = RestartLog()


After: TypeAlias = Next[SupervisorState] | Awaitable[Next[SupervisorState]]
"""The outcome of a child's end, or an awaitable of it if the child is restarted."""


async def start_supervisor(flags: Flags, specs: Iterable[ChildSpec], name: str | None = None) -> Pid:
    """Start a supervisor of these children, linked to the calling process. Raises StartFailed if a child fails."""
    return await start_link(Supervisor, flags, tuple(specs), name=name)


class Supervisor(BaseSupervisor[SupervisorState]):
    """Subclass with `tree`, or start it with Flags and specs."""

    def tree(self, *args: Any, **kwargs: Any) -> Tree:
        """Return the flags and the children in start order, or IGNORE. Erlang: the callback Module:init/1."""
        flags, specs = args
        return flags, specs

    async def init(self, *args: Any) -> Any:
        tree = self.tree(*args)
        if isinstance(tree, Ignore):
            return IGNORE
        flags, specs = _checked(tree)
        children = Children(specs)
        failed = await self._start_all(children, tuple(children))
        if failed is not None:
            await self._stop_all(children, tuple(children))
            return Stop(Shutdown(failed), None)
        return SupervisorState(flags, children)

    async def handle_call(self, request: Any, caller: Caller, state: SupervisorState) -> Reply[SupervisorState]:
        children = state.children
        match request:
            case StartChild(spec):
                return Reply(await self._add(spec, state), state)
            case TerminateChild(child):
                return Reply(await self._terminate_child(children, child), state)
            case RestartChild(child):
                return Reply(await self._restart_child(children, child), state)
            case DeleteChild(child):
                return Reply(_delete(children, child), state)
            case GetChildspec(child):
                return Reply(children[child].spec if child in children else NotFound(child), state)
            case WhichChildren():
                return Reply(children.which(), state)
            case CountChildren():
                return Reply(children.count(), state)
            case GetCallbackModule():
                return Reply(type(self), state)
            case CodeChange(args):
                return self.change_tree(args, state)
        return Reply(WrongSupervisor("a request that a Supervisor knows", request), state)

    def child_ended(self, pid: Pid, reason: Any, state: SupervisorState) -> After:
        child = state.children.of_pid(pid)
        return NoReply(state) if child is None else self._ended(child, reason, state)

    def restart_again(self, child: Any, state: SupervisorState) -> After:
        failed = state.children.get(child)
        if failed is None or failed.pid is not RESTARTING:
            return NoReply(state)
        return self._restart(failed, state)

    def with_tree(self, tree: Any, state: SupervisorState) -> SupervisorState:
        flags, specs = _checked(tree)
        return SupervisorState(flags, state.children.respecified(specs), state.restarts)

    def terminate(self, reason: Any, state: SupervisorState) -> Awaitable[None] | None:
        ids = tuple(state.children)
        return self._stop_all(state.children, ids) if ids else None

    # Requests

    async def _add(self, spec: ChildSpec, state: SupervisorState) -> Any:
        """Add a child and start it. Source: supervisor:handle_start_child/2 (OTP)."""
        try:
            check_childspecs((spec,), state.flags.auto_shutdown)
        except InvalidChildSpec as fault:
            return fault
        known = state.children.get(spec.id)
        if known is not None:
            return AlreadyStarted(known.pid, spec.id) if isinstance(known.pid, Pid) else AlreadyPresent(spec.id)
        return await self._place(state.children, spec)

    async def _terminate_child(self, children: Children, child: Hashable) -> NotFound | None:
        if child not in children:
            return NotFound(child)
        await self._stop_all(children, (child,))
        return None

    async def _restart_child(self, children: Children, child: Hashable) -> Any:
        spec = children.at_rest(child)
        return await self._place(children, spec) if isinstance(spec, ChildSpec) else spec

    async def _place(self, children: Children, spec: ChildSpec) -> Outcome:
        """Start a child on request, and keep its spec unless its start failed, or it is temporary and ignored."""
        outcome = await start_process(self.process, spec)
        if isinstance(outcome, Exception):
            return outcome
        if outcome is not None or spec.restart != RestartType.TEMPORARY:
            pid = pid_of(outcome) if outcome is not None else None
            children.place(spec, pid)
            reports.child_added(self.process, spec, pid)
        return outcome

    # The end of a child

    def _ended(self, child: Child, reason: Any, state: SupervisorState) -> After:
        spec, children = child.spec, state.children
        if is_failure(spec.restart, reason):
            reports.child_terminated(self.process, spec, child.pid, reason)
        if fate(spec.restart, reason) is Fate.RESTART:
            return self._restart(child, state)
        children.lose(spec.id)
        last = shuts_down(state.flags.auto_shutdown, spec, children.placed())
        return Stop(SHUTDOWN, state) if last else NoReply(state)

    async def _restart(self, child: Child, state: SupervisorState) -> Next[SupervisorState]:
        """Restart a child and its group. A group counts as one restart, and so does each retry.

        Source: supervisor:restart/2,3 (OTP).
        """
        flags, children, failed_id = state.flags, state.children, child.spec.id
        restarts = state.restarts.spend(self.process.system.loop.time(), flags.intensity, flags.period_s)
        children.lose(failed_id)
        if restarts is None:
            reports.gave_up(self.process, child.spec, child.pid)
            return Stop(SHUTDOWN, state)
        state = replace(state, restarts=restarts)
        group = restart_group(flags.strategy, children, failed_id)
        await self._stop_all(children, group)
        failed = await self._start_all(children, tuple(child for child in group if child in children))
        if failed is not None:
            children.place(children[failed.child].spec, RESTARTING)
            cast(self.pid, TryAgain(failed.child))
        return NoReply(state)

    async def _start_all(self, children: Children, ids: tuple[Hashable, ...]) -> FailedToStartChild | None:
        """Start children in order, up to the first that fails. OTP: start_children/2."""
        for child in ids:
            spec = children[child].spec
            outcome = await start_process(self.process, spec)
            if isinstance(outcome, Exception):
                reports.child_not_started(self.process, spec, start_failure(outcome))
                return FailedToStartChild(child, start_failure(outcome))
            if outcome is None:
                children.lose(child)
            else:
                children.place(spec, pid_of(outcome))
                reports.child_started(self.process, spec, pid_of(outcome))
        return None

    async def _stop_all(self, children: Children, ids: tuple[Hashable, ...]) -> None:
        """Stop children in reverse order, one after another. OTP: terminate_children/2."""
        for child in reversed(ids):
            spec, pid, _ = children[child]
            if pid is None:
                continue
            if isinstance(pid, Pid):
                reason = (await stop_processes(self.process, (pid,), spec.shutdown))[pid]
                if is_stop_failure(spec, reason):
                    reports.children_not_stopped(self.process, spec, [reason])
            children.lose(child)


def _checked(tree: Any) -> tuple[Flags, tuple[ChildSpec, ...]]:
    flags, specs = flags_and_rest(tree, Flags, "child specs")
    return flags, check_childspecs(specs, flags.auto_shutdown)


def _delete(children: Children, child: Hashable) -> SupervisorError | None:
    spec = children.at_rest(child)
    if not isinstance(spec, ChildSpec):
        return spec
    children.delete(child)
    return None
