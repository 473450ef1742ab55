"""Pid, the address of a process, and Ref, the identity of one monitor or call."""

import itertools
import os
import secrets
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from thespian.actors import ActorAddress

if TYPE_CHECKING:
    from actors.kernel.process import Process

living: dict[int, "Pid"] = {}
"""The Pid of every living process of this OS process, by number. Unpickling a Pid looks it up here."""

_NODE_BITS = 64
numbers = itertools.count(1)
_nodes: list[int] = []


def _new_node() -> None:
    """Give this OS process a new number. A Pid pickled in another one, or before a fork, names no process here."""
    _nodes[:] = [secrets.randbits(_NODE_BITS - 1) + 1]


_new_node()
os.register_at_fork(after_in_child=_new_node)


class Pid(ActorAddress):
    """The address of one process. A Pid is never used again after the process has ended.

    A Pid is a Thespian ActorAddress that is hashable and picklable. It holds its process while the process lives, so a
    send needs no lookup. Unpickled in the same OS process, a Pid finds its process by the number. Unpickled elsewhere,
    it names no process, and its number includes that of the OS process it came from.
    """

    __slots__ = ("number", "process")

    def __init__(self, process: "Process | None", number: int | None = None) -> None:
        self.number = next(numbers) if number is None else number
        self.process = process

    @property
    def _aaddr(self) -> str:
        """Thespian's addressDetails: a text that is unique in this OS process."""
        return f"<{self.number}>"

    @property
    def alive(self) -> bool:
        return self.process is not None

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Pid) and self.number == other.number)

    def __hash__(self) -> int:
        return self.number

    def __repr__(self) -> str:
        return f"Pid({self.number})"

    __str__ = __repr__

    def __reduce__(self) -> tuple[Any, ...]:
        node, number = divmod(self.number, 1 << _NODE_BITS)
        return _restore, (node or _nodes[0], number)


def _restore(node: int, number: int) -> Pid:
    if node != _nodes[0]:
        return Pid(None, number + (node << _NODE_BITS))
    return living.get(number) or Pid(None, number)


class Ref(Struct, frozen=True, eq=False, gc=False):
    """A unique, hashable token. Erlang: make_ref/0.

    Each monitor and each call makes one. A Struct takes half the time of a plain class.
    """

    number: int = field(default_factory=numbers.__next__)

    def __repr__(self) -> str:
        return f"Ref({self.number})"
