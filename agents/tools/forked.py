"""The end of a child process that a tool forks in the program's own process: on the event loop, or in a thread.

Such a child has the program's event loop, its sockets and its database. It may do its own work and exit. When the
tool's code hands it back, by a return, an exception or an await, it ends: nothing of the program runs in it.
"""

import asyncio
import os
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_loop: ContextVar[tuple[asyncio.AbstractEventLoop, int] | None] = ContextVar("loop of a call", default=None)
"""The loop that runs the call, and its thread."""


@contextmanager
def children_end_here() -> Iterator[None]:
    """End each process that leaves this block, except the process that entered it."""
    own = os.getpid()
    try:
        yield
    finally:
        if os.getpid() != own:
            os._exit(0)


def note_loop() -> None:
    """Have each child that is forked in this context end when it comes back to the running loop.

    Tasks that a tool starts have the tool's context. Their steps are the loop's, so only the loop can end the child.
    """
    _loop.set((asyncio.get_running_loop(), threading.get_ident()))


class Stepwise(Coroutine[Any, Any, Any]):
    """A coroutine that ends each process, except its own, when a step of it is over."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine

    def send(self, value: Any) -> Any:
        with children_end_here():
            return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        with children_end_here():
            return self._coroutine.throw(*error)

    def close(self) -> None:
        with children_end_here():
            self._coroutine.close()

    def __await__(self) -> Any:
        return self._coroutine.__await__()


def _in_child() -> None:
    match _loop.get():
        case loop, thread if thread == threading.get_ident() and not loop.is_closed():
            loop.call_soon(os._exit, 0)


os.register_at_fork(after_in_child=_in_child)
