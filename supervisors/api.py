"""Requests to a running supervisor. Erlang: the functions of the same names in supervisor.

Both kinds of supervisor answer them, with two exceptions. Each kind has its own start_child. A dynamic child has no
spec, so restart_child and delete_child are for a Supervisor only. Calls have no timeout: a supervisor answers when its
children have started or stopped. Each call raises CallFailed if the supervisor is dead or dies.
"""

from collections.abc import Hashable
from typing import Any, ClassVar, TypeVar

from msgspec import Struct

from actors import Pid, ProcessError, Request, call
from supervisors.child_spec import ChildSpec
from supervisors.children import ChildInfo, Counts

R = TypeVar("R")


class StartChild(Struct, Request[Any], frozen=True):
    meant: ClassVar[str] = "supervisors.dynamic_supervisor.start_child(supervisor, *args)"
    spec: Any


class OfChild(Struct, frozen=True):
    """A request about one child. An id that is not hashable raises TypeError in the caller."""

    child: Hashable

    def __post_init__(self) -> None:
        hash(self.child)


class TerminateChild(OfChild, Request[None], frozen=True):
    pass


class ResetChild(OfChild, Request[None], frozen=True):
    pass


class RestartChild(OfChild, Request[Any], frozen=True):
    pass


class DeleteChild(OfChild, Request[None], frozen=True):
    pass


class GetChildspec(OfChild, Request[ChildSpec], frozen=True):
    pass


class WhichChildren(Struct, Request[list[ChildInfo]], frozen=True):
    pass


class CountChildren(Struct, Request[Counts], frozen=True):
    pass


class GetCallbackModule(Struct, Request[type], frozen=True):
    pass


class CodeChange(Struct, Request[None], frozen=True):
    args: tuple[Any, ...]


async def start_child(supervisor: Pid | str, spec: ChildSpec | tuple[()] = (), *more: Any) -> Pid | Any:
    """Start one more child and add its spec.

    Return its Pid, (Pid, info) if its start gave info, or None if it ignored. A DynamicSupervisor refuses this request;
    supervisors.dynamic_supervisor.start_child is for that kind.

    Raises AlreadyStarted, AlreadyPresent, InvalidChildSpec, WrongSupervisor and StartFailed; in each case no spec was
    added.
    """
    return await request(supervisor, StartChild((spec, *more) if more else spec))


async def terminate_child(supervisor: Pid | str, child: Hashable) -> None:
    """Stop a child's process, or cancel its restart. The child's spec stays, unless the child is temporary.

    child: its id; under a DynamicSupervisor its Pid. Raises NotFound.
    """
    await request(supervisor, TerminateChild(child))


async def reset_child(supervisor: Pid | str, child: Pid) -> None:
    """Forget the restarts of a dynamic child. One that waits for its restart, or is held, is started at once.

    child: its Pid, or that of its process that ended. Raises NotFound. See DynamicFlags.
    """
    await request(supervisor, ResetChild(child))


async def restart_child(supervisor: Pid | str, child: Hashable) -> Pid | Any:
    """Start a child that has a spec and no process. Return what start_child returns.

    Raises NotFound, Running, Restarting and StartFailed; the spec stays in each case.
    """
    return await request(supervisor, RestartChild(child))


async def delete_child(supervisor: Pid | str, child: Hashable) -> None:
    """Remove the spec of a child that has no process. Raises NotFound, Running, Restarting."""
    await request(supervisor, DeleteChild(child))


async def get_childspec(supervisor: Pid | str, child: Hashable) -> ChildSpec:
    """Return the spec of a child by its id; a temporary child's spec has no args. Raises NotFound.

    A DynamicSupervisor returns its template, for the template's id and for the Pid of a child, even one that has ended.
    """
    return await request(supervisor, GetChildspec(child))


async def which_children(supervisor: Pid | str) -> list[ChildInfo]:
    """Return (id, pid, type) of each child, newest first. Dynamic children have no order, and None as their id."""
    return await request(supervisor, WhichChildren())


async def count_children(supervisor: Pid | str) -> Counts:
    """Return the number of specs, and of active children, supervisors and workers."""
    return await request(supervisor, CountChildren())


async def get_callback_module(supervisor: Pid | str) -> type:
    """Return the supervisor's class."""
    return await request(supervisor, GetCallbackModule())


async def code_change(supervisor: Pid | str, *args: Any) -> None:
    """Apply the flags and specs that the supervisor's `tree` returns for args. No process is started or stopped.

    A child keeps its process and gets its new spec. A child without a new spec stays. If `tree` returns IGNORE, nothing
    changes. Raises Invalid, and then nothing has changed.
    """
    await request(supervisor, CodeChange(args))


async def request(supervisor: Pid | str, message: Request[R]) -> R:
    """Call a supervisor, and return its reply or raise the reply if that is an error."""
    answer = await call(supervisor, message, timeout_s=None)
    if isinstance(answer, ProcessError):
        raise answer
    return answer
