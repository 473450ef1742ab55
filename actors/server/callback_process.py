"""A process whose callbacks may be coroutines. While it waits for one, it takes no messages."""

import asyncio
from functools import partial
from inspect import iscoroutine
from typing import Any

from actors.kernel.process import RUNNING, WAITING
from actors.kernel.signals import Crash
from actors.server.callbacks import CallbackRaised, begun, close, guarded, waits
from actors.server.gen_server import GenServer
from actors.system.current import process_context
from actors.system.reference import Reference


class CallbackProcess(Reference):
    """The base of a server's process: it uses the result of a callback at once, or when the coroutine has ended."""

    __slots__ = ("server",)

    server: GenServer[Any]

    def stop(self, reason: Any) -> None:
        """End with reason. The subclass defines it."""
        raise AssertionError(f"{type(self).__name__} has no stop")

    def settle(self, value: Any, proceed: Any) -> None:
        """Call proceed with value, or with the result of value if that is awaitable."""
        rest = begun(value) if self.server.eager and iscoroutine(value) else value
        if not waits(rest):
            self._proceed(rest, proceed)
            return
        self.phase = WAITING
        self.coroutine = self.system.loop.create_task(guarded(rest), context=process_context(self))
        self.coroutine.add_done_callback(partial(self._settled, value, proceed))
        if self.doomed is not None:  # the callback ended its own process before it waited
            self.coroutine.cancel()

    def _proceed(self, result: Any, proceed: Any) -> None:
        if type(result) is CallbackRaised:
            self.stop(result.reason)
        else:
            proceed(result)

    def _settled(self, value: Any, proceed: Any, done: asyncio.Task[Any]) -> None:
        self.coroutine = None
        self.phase = RUNNING
        if done.cancelled() and iscoroutine(value):
            close(value)
        if self.doomed is not None:
            self.end(self.doomed[0])
        elif done.cancelled():
            self.stop(Crash(asyncio.CancelledError("cancelled by code of its own")))
        elif (error := done.exception()) is not None:
            self.end(Crash(error))  # a KeyboardInterrupt, which the loop has raised as well
        else:
            self._proceed(done.result(), proceed)
