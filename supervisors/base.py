"""The callbacks that Supervisor and DynamicSupervisor share: the ends of children, retries, and changed code."""

from abc import abstractmethod
from collections.abc import Awaitable, Hashable
from typing import Any, ClassVar, TypeVar

from msgspec import Struct

from actors import Exit, GenServer, Next, NoReply, Pid, Reply
from actors.kernel.process import Process
from actors.server.outcomes import Ignore
from supervisors import reports
from supervisors.child_spec import ChildType
from supervisors.errors import Invalid, InvalidTree

S = TypeVar("S")
F = TypeVar("F")


class TryAgain(Struct, frozen=True):
    """A supervisor's cast to itself after a restart that failed. OTP: try_again_restart.

    child: its id; for a dynamic child the Pid of the process that ended.
    """

    child: Hashable


class BaseSupervisor(GenServer[S]):
    """A server that traps exits and treats each Exit of a child by its restart policy."""

    trap_exit = True
    eager = True
    child_type: ClassVar[ChildType] = ChildType.SUPERVISOR

    @abstractmethod
    def tree(self, *args: Any, **kwargs: Any) -> Any:
        """Return the flags and what describes the children, or IGNORE. Erlang: the callback Module:init/1."""

    @abstractmethod
    def with_tree(self, tree: Any, state: S) -> S:
        """Return the state under another tree, with all processes kept. Raises Invalid."""

    @abstractmethod
    def child_ended(self, pid: Pid, reason: Any, state: S) -> Next[S] | Awaitable[Next[S]]:
        """Treat the end of a process; it may be of no child."""

    @abstractmethod
    def restart_again(self, child: Any, state: S) -> Next[S] | Awaitable[Next[S]]:
        """Retry a restart that failed, unless terminate_child has cancelled it."""

    def handle_info(self, message: Any, state: S) -> Next[S] | Awaitable[Next[S]]:
        if type(message) is Exit:
            return self.child_ended(message.pid, message.reason, state)
        reports.message_dropped(self.process, message)
        return NoReply(state)

    def handle_cast(self, message: Any, state: S) -> Next[S] | Awaitable[Next[S]]:
        if type(message) is TryAgain:
            return self.restart_again(message.child, state)
        reports.message_dropped(self.process, message)
        return NoReply(state)

    def code_change(self, old_version: Any, state: S, extra: tuple[Any, ...] | None) -> S:
        """Return the state under the tree of `extra`, for sys.change_code. See supervisors.code_change.

        extra: the arguments of `tree`; None keeps flags and specs.
        """
        if extra is None:
            return state
        changed = self.change_tree(extra, state)
        if isinstance(changed.value, Invalid):
            raise changed.value
        return changed.state

    def change_tree(self, args: tuple[Any, ...], state: S) -> Reply[S]:
        """Answer ChangeCode. Source: supervisor:code_change/3 (OTP)."""
        try:
            tree = self.tree(*args)
            return Reply(None, state if isinstance(tree, Ignore) else self.with_tree(tree, state))
        except Invalid as fault:
            return Reply(fault, state)

    @property
    def process(self) -> Process:
        process: Process = self._myRef
        return process


def flags_and_rest(tree: Any, flags_type: type[F], rest: str) -> tuple[F, Any]:
    """Return the two parts of what `tree` returned. rest: the words for the second part.

    Raises InvalidTree for another shape, and for flags of another type.
    """
    if not (isinstance(tree, tuple) and len(tree) == 2):
        raise InvalidTree("bad_return", f"({flags_type.__name__}, {rest}) or IGNORE from tree", tree)
    flags, described = tree
    if not isinstance(flags, flags_type):
        raise InvalidTree("invalid_type", f"{flags_type.__name__} from tree", flags)
    return flags, described
