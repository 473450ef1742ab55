"""The restarts of dynamic children: their limits, their pauses, and the end of restarting.

A child that waits for its restart is in the state's `restarting`. One that is held is in `held`.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

from msgspec import Struct

from actors import SHUTDOWN, Next, NoReply, Pid, Reply, Stop, cast, send, send_after
from supervisors import reports
from supervisors.base import BaseSupervisor, TryAgain
from supervisors.child_process import Outcome, begin_process, start_failure
from supervisors.dynamic_children import Args, DynamicState
from supervisors.errors import NotFound, WrongSupervisor
from supervisors.restart import Fate, fate, is_failure

T = TypeVar("T")


class PauseOver(Struct, frozen=True):
    """A supervisor's message to itself after the pause before a restart. child: the Pid of the process that ended."""

    child: Pid


class DynamicRestarts(BaseSupervisor[DynamicState]):
    """The callbacks of a DynamicSupervisor that restart its children."""

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
            return self._restart(pid, args, reason, state)
        state.restarts_of.pop(pid, None)
        return NoReply(state)

    def restart_again(self, child: Any, state: DynamicState) -> Next[DynamicState] | Awaitable[Next[DynamicState]]:
        args = state.restarting.pop(child, None)
        return NoReply(state) if args is None else self._restart(child, args, None, state)

    def handle_info(self, message: Any, state: DynamicState) -> Next[DynamicState] | Awaitable[Next[DynamicState]]:
        if type(message) is not PauseOver:
            return super().handle_info(message, state)
        args = state.restarting.pop(message.child, None)
        return NoReply(state) if args is None else self._start_again(message.child, args, state)

    def name_of(self, args: Args) -> str:
        """Return the name that the log gives the child started with these arguments."""
        return ""

    def waiting(self, name: str, state: DynamicState) -> Pid | None:
        """Return the Pid of a child's ended process, if the child with this name is being restarted or is held."""
        return next((pid for pid, args in state.without_process() if self.name_of(args) == name), None)

    def supersede(self, children: Iterable[Args], state: DynamicState) -> None:
        """Forget each child without a process whose name is started again: the start replaces its restart."""
        if state.restarting or state.held:
            for args in children:
                if (pid := self.waiting(self.name_of(args), state)) is not None:
                    state.forget(pid)

    def reset_child(self, child: Any, state: DynamicState) -> Reply[DynamicState]:
        """Forget a child's restarts. Without a process it is started at once, before the next request."""
        if not isinstance(child, Pid):
            return Reply(WrongSupervisor("the Pid of a dynamic child", child), state)
        if child in state.running:
            state.restarts_of.pop(child, None)
            return Reply(None, state)
        args = state.forget(child)
        if args is None:
            return Reply(NotFound(child), state)
        state.restarting[child] = args
        send(self.pid, PauseOver(child))
        return Reply(None, state)

    def _restart(
        self, ended: Pid, args: Args, reason: Any, state: DynamicState
    ) -> Next[DynamicState] | Awaitable[Next[DynamicState]]:
        """Restart a child, at once or after its pause, unless it exceeds the limit.

        reason: of the child's end; None after a restart that failed. Source: supervisor:restart/2,3 (OTP).
        """
        now_s = self.process.system.loop.time()
        counted = state.with_restart(ended, now_s, reason)
        if counted is None:
            return self._give_up(ended, args, state)
        pause = counted.pause_of(ended, now_s)
        if not pause:
            return self._start_again(ended, args, counted)
        counted.restarting[ended] = args
        send_after(pause, self.pid, PauseOver(ended))
        return NoReply(counted)

    def _start_again(
        self, ended: Pid, args: Args, state: DynamicState
    ) -> Next[DynamicState] | Awaitable[Next[DynamicState]]:
        def restarted(outcome: Outcome) -> NoReply[DynamicState]:
            if isinstance(outcome, Exception):
                reason = start_failure(outcome)
                reports.child_not_started(self.process, state.template, reason)
                state.failed(ended, args, reason)
                cast(self.pid, TryAgain(ended))
                return NoReply(state)
            return NoReply(state.with_child(outcome, ended, args))

        return self.start(args, state, restarted)

    def _give_up(self, ended: Pid, args: Args, state: DynamicState) -> Next[DynamicState]:
        """Stop restarting: the child if each child has its own limit, else end this supervisor."""
        if state.flags.holds:
            state.held[ended] = args
        if state.flags.per_child:
            reports.child_given_up(self.process, state.template, ended, self.name_of(args))
            return NoReply(state)
        reports.gave_up(self.process, state.template, ended)
        return Stop(SHUTDOWN, state)

    def start(self, args: Args, state: DynamicState, proceed: Callable[[Outcome], T]) -> T | Awaitable[T]:
        """Call proceed with the outcome of a start: at once, unless the start waits."""
        outcome = begin_process(self.process, state.template, args)
        if type(outcome) is Pid or not isinstance(outcome, Coroutine):
            return proceed(outcome)
        return _when(outcome, proceed)


async def _when(starting: Awaitable[Outcome], proceed: Callable[[Outcome], T]) -> T:
    return proceed(await starting)
