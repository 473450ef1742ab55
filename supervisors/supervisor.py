"""Supervisor: a process that starts, watches, restarts and stops its children. Erlang: supervisor.

    class ToolSupervisor(Supervisor):
        def tree(self, settings: Settings) -> tuple[Flags, tuple[ChildSpec, ...]]:
            return Flags(Strategy.REST_FOR_ONE, intensity=3), (
                ChildSpec("registry", ToolRegistry),
                ChildSpec("pool", WorkerPool, settings.workers),
            )

    pid = await start_link(ToolSupervisor, settings)     # actors.start_link: a supervisor is a GenServer
    pid = await start_supervisor(flags, specs)           # from data alone

Children start in order and stop in reverse order. What happens when one ends is decided in restart.py. While a child
starts or stops the supervisor does nothing else; a restart that fails is tried again by a message to itself, so that
requests are served in between.
"""

from collections.abc import Hashable, Iterable
from typing import Any, ClassVar, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from actors import IGNORE, SHUTDOWN, Caller, Exit, GenServer, NoReply, Pid, Reply, Shutdown, Stop, cast, start_link
from actors.kernel.process import Process
from actors.server.outcomes import Ignore
from supervisors import reports
from supervisors.api import (
    ChangeCode,
    CountChildren,
    DeleteChild,
    GetCallbackModule,
    GetChildspec,
    RestartChild,
    StartChild,
    TerminateChild,
    WhichChildren,
)
from supervisors.child_process import Outcome, pid_of, start_process, stop_processes, why
from supervisors.child_spec import ChildSpec, ChildType, RestartType, check_childspecs
from supervisors.children import RESTARTING, Child, Children
from supervisors.errors import (
    AlreadyPresent,
    AlreadyStarted,
    Invalid,
    InvalidChildSpec,
    InvalidTree,
    NotFound,
    SupervisorError,
    WrongSupervisor,
)
from supervisors.flags import Flags
from supervisors.restart import Fate, RestartLog, fate, is_failure, is_stop_failure, restart_group, shuts_down

Tree: TypeAlias = tuple[Flags, Iterable[ChildSpec]] | Ignore


class TryAgain(Struct, frozen=True):
    """To itself: the restart of this child failed. OTP: try_again_restart."""

    child: Hashable


class FailedToStartChild(Struct, frozen=True):
    """Why a supervisor did not start: its exit reason is Shutdown(this)."""

    child: Hashable
    reason: Any


class Supervised(Struct, frozen=True):
    """The state of a Supervisor."""

    flags: Flags
    children: Children
    restarts: RestartLog = RestartLog()


async def start_supervisor(flags: Flags, specs: Iterable[ChildSpec], name: str | None = None) -> Pid:
    """A supervisor of these children, linked to the calling process. Raises StartFailed if one did not start."""
    return await start_link(Supervisor, flags, tuple(specs), name=name)


class Supervisor(GenServer[Supervised]):
    """Subclass with `tree`, or start it with Flags and specs."""

    trap_exit = True
    eager = True
    child_type: ClassVar[ChildType] = ChildType.SUPERVISOR

    def tree(self, *args: Any) -> Tree:
        """The flags and the children in start order, or IGNORE. Erlang: the callback Module:init/1."""
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
        return Supervised(flags, children)

    async def handle_call(self, request: Any, caller: Caller, state: Supervised) -> Reply[Supervised]:
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
            case ChangeCode(args):
                return self._change_code(args, state)
        return Reply(WrongSupervisor("a request that a Supervisor knows", request), state)

    async def handle_info(self, message: Any, state: Supervised) -> NoReply[Supervised] | Stop[Supervised]:
        if type(message) is not Exit:
            reports.message_dropped(self._process, message)
            return NoReply(state)
        child = state.children.of_pid(message.pid)
        if child is None:
            return NoReply(state)
        return await self._ended(child, message.reason, state)

    async def handle_cast(self, message: Any, state: Supervised) -> NoReply[Supervised] | Stop[Supervised]:
        if type(message) is not TryAgain:
            reports.message_dropped(self._process, message)
            return NoReply(state)
        child = state.children.get(message.child)
        if child is None or child.pid is not RESTARTING:  # terminated meanwhile: that cancels the restart
            return NoReply(state)
        return await self._restart(child, state)

    def code_change(self, old_version: Any, state: Supervised, extra: tuple[Any, ...] | None) -> Supervised:
        """By sys.change_code. extra: the arguments of tree; None keeps flags and specs. See supervisors.code_change."""
        if extra is None:
            return state
        changed = self._change_code(extra, state)
        if isinstance(changed.value, Invalid):
            raise changed.value
        return changed.state

    async def terminate(self, reason: Any, state: Supervised) -> None:
        await self._stop_all(state.children, tuple(state.children))

    # Requests

    async def _add(self, spec: ChildSpec, state: Supervised) -> Any:
        """Source: supervisor:handle_start_child/2 (OTP)."""
        try:
            check_childspecs((spec,), state.flags.auto_shutdown)
        except InvalidChildSpec as fault:
            return fault
        known = state.children.get(spec.id)
        if known is not None:
            return AlreadyStarted(known.pid) if isinstance(known.pid, Pid) else AlreadyPresent(spec.id)
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
        """Start a child that was asked for. One that did not start is not noted, nor a temporary one that ignored."""
        outcome = await start_process(self._process, spec)
        if isinstance(outcome, Exception):
            return outcome
        if outcome is not None or spec.restart != RestartType.TEMPORARY:
            pid = pid_of(outcome) if outcome is not None else None
            children.place(spec, pid)
            reports.child_added(self._process, spec, pid)
        return outcome

    def _change_code(self, args: tuple[Any, ...], state: Supervised) -> Reply[Supervised]:
        """Source: supervisor:code_change/3 (OTP)."""
        try:
            tree = self.tree(*args)
            if isinstance(tree, Ignore):
                return Reply(None, state)
            flags, specs = _checked(tree)
        except Invalid as fault:
            return Reply(fault, state)
        return Reply(None, Supervised(flags, state.children.respecified(specs), state.restarts))

    # The end of a child

    async def _ended(self, child: Child, reason: Any, state: Supervised) -> NoReply[Supervised] | Stop[Supervised]:
        spec, children = child.spec, state.children
        if is_failure(spec.restart, reason):
            reports.child_terminated(self._process, spec, child.pid, reason)
        if fate(spec.restart, reason) is Fate.RESTART:
            return await self._restart(child, state)
        children.lose(spec.id)
        return (
            Stop(SHUTDOWN, state) if shuts_down(state.flags.auto_shutdown, spec, children.placed()) else NoReply(state)
        )

    async def _restart(self, child: Child, state: Supervised) -> NoReply[Supervised] | Stop[Supervised]:
        """Source: supervisor:restart/2,3 (OTP). A group restart is one restart, and so is each new try."""
        flags, children, failed_id = state.flags, state.children, child.spec.id
        restarts = state.restarts.record(self._process.system.loop.time(), flags.period_s)
        state = replace(state, restarts=restarts)
        children.lose(failed_id)
        if restarts.count > flags.intensity:
            reports.gave_up(self._process, child.spec, child.pid)
            return Stop(SHUTDOWN, state)
        group = restart_group(flags.strategy, children, failed_id)
        await self._stop_all(children, group)
        failed = await self._start_all(children, tuple(child for child in group if child in children))
        if failed is not None:
            children.place(children[failed.child].spec, RESTARTING)
            cast(self.pid, TryAgain(failed.child))
        return NoReply(state)

    async def _start_all(self, children: Children, ids: tuple[Hashable, ...]) -> FailedToStartChild | None:
        """Start in order, up to the first that fails. OTP: start_children/2."""
        for child in ids:
            spec = children[child].spec
            outcome = await start_process(self._process, spec)
            if isinstance(outcome, Exception):
                reports.child_not_started(self._process, spec, why(outcome))
                return FailedToStartChild(child, why(outcome))
            if outcome is None:
                children.lose(child)
            else:
                children.place(spec, pid_of(outcome))
                reports.child_started(self._process, spec, pid_of(outcome))
        return None

    async def _stop_all(self, children: Children, ids: tuple[Hashable, ...]) -> None:
        """Stop in reverse order, one after the other. OTP: terminate_children/2."""
        for child in reversed(ids):
            spec, pid, _ = children[child]
            if pid is None:
                continue
            if isinstance(pid, Pid):
                reason = (await stop_processes(self._process, (pid,), spec.shutdown))[pid]
                if is_stop_failure(spec, reason):
                    reports.children_not_stopped(self._process, spec, [reason])
            children.lose(child)

    @property
    def _process(self) -> Process:
        process: Process = self._myRef
        return process


def _checked(tree: Any) -> tuple[Flags, tuple[ChildSpec, ...]]:
    if not (isinstance(tree, tuple) and len(tree) == 2):
        raise InvalidTree("bad_return", "(Flags, child specs) or IGNORE from tree", tree)
    flags, specs = tree
    if not isinstance(flags, Flags):
        raise InvalidTree("invalid_type", "Flags from tree", flags)
    return flags, check_childspecs(specs, flags.auto_shutdown)


def _delete(children: Children, child: Hashable) -> SupervisorError | None:
    spec = children.at_rest(child)
    if not isinstance(spec, ChildSpec):
        return spec
    children.delete(child)
    return None
