"""Pid and Ref: what names a process, and what names one monitor, call or timer."""

import itertools
import secrets
from typing import TYPE_CHECKING, Any

from thespian.actors import ActorAddress

if TYPE_CHECKING:
    from actors.process import Process

_numbers = itertools.count(1)
_NODE = secrets.randbits(64)  # this OS process: a number pickled elsewhere must not name a process of ours


class Pid(ActorAddress):
    """The address of one process; never used again after its end.

    A Thespian ActorAddress that is hashable and picklable. While the process lives in this OS process the Pid holds it,
    so that a send needs no lookup. A Pid that was pickled finds its process again by its number.
    """

    __slots__ = ("number", "process")

    def __init__(self, process: "Process | None", number: int | None = None) -> None:
        self.number = next(_numbers) if number is None else number
        self.process = process

    @property
    def _aaddr(self) -> str:
        """Thespian's addressDetails: text, unique in this OS process."""
        return f"<{self.number}>"

    @property
    def alive(self) -> bool:
        return self.process is not None

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Pid) and self.number == other.number)

    def __hash__(self) -> int:
        return self.number

    def __repr__(self) -> str:
        return f"Pid<{self.number}>"

    __str__ = __repr__

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (_NODE, self.number)


def _restore(node: int, number: int) -> Pid:
    from actors.process import living

    if node != _NODE:
        return Pid(None, number + (node << 64))
    process = living.get(number)
    return Pid(None, number) if process is None else process.pid


class Ref:
    """A unique, hashable token. Erlang: make_ref/0."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = next(_numbers)

    def __repr__(self) -> str:
        return f"Ref<{self.number}>"
