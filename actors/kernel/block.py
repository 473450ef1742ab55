"""A context variable's value for the length of an `async with` block, which may begin and end in different tasks."""

import contextvars
from typing import Generic, TypeVar

T = TypeVar("T")


class Block(Generic[T]):
    """The value of a context variable between `enter` and `leave`.

    Each task has its copy of the variable, and asyncio resets only the running task's copy. If another task leaves the
    block, or a later block is still open, the value stays. Then `bypassed` is True, and readers use `outer` instead.
    """

    __slots__ = ("_token", "_value", "_variable", "bypassed", "outer")

    def __init__(self, variable: contextvars.ContextVar[T | None], value: T) -> None:
        self._variable, self._value = variable, value
        self._token: contextvars.Token[T | None] | None = None
        self.outer: T | None = None
        self.bypassed = False

    def enter(self, outer: T | None) -> None:
        """Set the variable. outer: its value again after the block."""
        self.outer, self.bypassed = outer, False
        self._token = self._variable.set(self._value)

    def leave(self) -> None:
        """Reset the variable, unless the block was never entered or has been left already."""
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
