"""A context variable's value for the length of an `async with` block, which may begin and end in different tasks."""

import contextvars
from typing import Generic, TypeVar

T = TypeVar("T")


class Block(Generic[T]):
    """Sets a variable at the block's beginning, and takes the value back at its end.

    Each task has a copy of the variable, and asyncio resets none but the running task's. If another task leaves the
    block, or a block that began later is still open, the value stays where it is: then `bypassed` is True, and readers
    use `outer` in its place.
    """

    __slots__ = ("_token", "_value", "_variable", "bypassed", "outer")

    def __init__(self, variable: contextvars.ContextVar[T | None], value: T) -> None:
        self._variable, self._value = variable, value
        self._token: contextvars.Token[T | None] | None = None
        self.outer: T | None = None
        self.bypassed = False

    def enter(self, outer: T | None) -> None:
        """outer: the value that holds again after the block."""
        self.outer, self.bypassed = outer, False
        self._token = self._variable.set(self._value)

    def leave(self) -> None:
        """A block that was never entered, or was left before, is left alone."""
        token, self._token = self._token, None
        if token is None:
            return
        latest = self._variable.get()
        try:
            self._variable.reset(token)
        except ValueError:  # the token is of another task's context
            self.bypassed = True
        else:
            if latest is not self._value:
                self._variable.set(latest)
                self.bypassed = True
