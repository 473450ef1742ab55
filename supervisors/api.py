"""What one may ask of a running supervisor. Erlang: the functions of the same names in supervisor.

Both kinds understand all but start_child, which each has its own of, and restart_child and delete_child, which need the
spec that a dynamic child has not. Calls wait as long as it takes: a supervisor answers when its children have started
or stopped. Each raises CallFailed if the supervisor is dead or dies.
"""

from collections.abc import Hashable
from typing import Any, ClassVar

from msgspec import Struct

from actors import Pid, ProcessError, call
from supervisors.child_spec import ChildSpec
from supervisors.children import ChildInfo, Counts


class StartChild(Struct, frozen=True):
    meant: ClassVar[str] = "supervisors.dynamic_supervisor.start_child(supervisor, *args)"
    spec: Any


class OfChild(Struct, frozen=True):
    """A request about one child; an id that can't be one is refused at the caller's, with a TypeError."""

    child: Hashable

    def __post_init__(self) -> None:
        hash(self.child)


class TerminateChild(OfChild, frozen=True):
    pass


class RestartChild(OfChild, frozen=True):
    pass


class DeleteChild(OfChild, frozen=True):
    pass


class GetChildspec(OfChild, frozen=True):
    pass


class WhichChildren(Struct, frozen=True):
    pass


class CountChildren(Struct, frozen=True):
    pass


class GetCallbackModule(Struct, frozen=True):
    pass


class ChangeCode(Struct, frozen=True):
    args: tuple[Any, ...]


async def start_child(supervisor: Pid | str, spec: ChildSpec | tuple[()] = (), *more: Any) -> Pid | Any:
    """Start one more child, and add its spec: the Pid; (Pid, info) if its start gave info; None if it ignored.

    A DynamicSupervisor has a start_child of its own, in supervisors.dynamic_supervisor: it takes any arguments, and the
    refusal of this one names it.

    Raises AlreadyStarted, AlreadyPresent, InvalidChildSpec, WrongSupervisor, and StartFailed; then no spec was added.
    """
    return await request(supervisor, StartChild((spec, *more) if more else spec))


async def terminate_child(supervisor: Pid | str, child: Hashable) -> None:
    """End a child's process, and give up restarting it. Its spec stays, unless it is temporary.

    child: its id; under a DynamicSupervisor its Pid. Raises NotFound.
    """
    await request(supervisor, TerminateChild(child))


async def restart_child(supervisor: Pid | str, child: Hashable) -> Pid | Any:
    """Start a child that has a spec and no process. Answers as start_child.

    Raises NotFound, Running, Restarting, and StartFailed; then the spec stays.
    """
    return await request(supervisor, RestartChild(child))


async def delete_child(supervisor: Pid | str, child: Hashable) -> None:
    """Remove the spec of a child that has no process. Raises NotFound, Running, Restarting."""
    await request(supervisor, DeleteChild(child))


async def get_childspec(supervisor: Pid | str, child: Hashable) -> ChildSpec:
    """The spec of a child by its id; a temporary child's is without args. Raises NotFound.

    Of a DynamicSupervisor: the template, by its id or by the Pid of a child, even of one that has ended.
    """
    spec: ChildSpec = await request(supervisor, GetChildspec(child))
    return spec


async def which_children(supervisor: Pid | str) -> list[ChildInfo]:
    """(id, pid, type) of each child, newest first; of dynamic children in no order, with None for the id."""
    infos: list[ChildInfo] = await request(supervisor, WhichChildren())
    return infos


async def count_children(supervisor: Pid | str) -> Counts:
    """Specs, and children that are active, are supervisors, are workers."""
    counts: Counts = await request(supervisor, CountChildren())
    return counts


async def get_callback_module(supervisor: Pid | str) -> type:
    """The supervisor's class."""
    module: type = await request(supervisor, GetCallbackModule())
    return module


async def code_change(supervisor: Pid | str, *args: Any) -> None:
    """Take the flags and specs that the supervisor's `tree` returns for args: nothing is started or stopped by that.

    A child keeps its process and gets its new spec; one without a new spec stays; IGNORE changes nothing. Raises
    Invalid; then nothing was changed.
    """
    await request(supervisor, ChangeCode(args))


async def request(supervisor: Pid | str, message: Any) -> Any:
    """Ask, and raise the answer if it is an error."""
    answer = await call(supervisor, message, timeout_s=None)
    if isinstance(answer, ProcessError):
        raise answer
    return answer
