"""The type of a request's reply."""

from typing import Generic, TypeVar

R = TypeVar("R")


class Request(Generic[R]):
    """A base for the class of a request, with the type of the reply.

        class Add(Struct, Request[int], frozen=True):
            n: int

        total = await call(pid, Add(2))     # an int, for a type checker

    Any class may have this base: a Struct, a dataclass, a plain class. Nothing checks the reply at run time.
    """

    __slots__ = ()
