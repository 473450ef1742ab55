"""A process whose callbacks may be coroutines: it waits for one, and its mailbox with it."""

import asyncio
from functools import partial
from inspect import iscoroutine
from typing import Any

from actors.kernel.process import RUNNING, WAITING
from actors.kernel.signals import Crash
from actors.server.callbacks import Failed, begun, close, guarded, waits
from actors.server.gen_server import GenServer
from actors.system.current import process_context
from actors.system.reference import Reference


class CallbackProcess(Reference):
    """The ground of a server's process: what a callback gives is dealt with at once, or when it has come."""

    __slots__ = ("server",)

    server: GenServer[Any]

    def stop(self, reason: Any) -> None:
        """End with reason. Each kind has its own."""
        raise AssertionError(f"{type(self).__name__} has no stop")

    def settle(self, value: Any, proceed: Any) -> None:
        """proceed(value), or if it is awaitable proceed(what it gives) when it has given it."""
        rest = begun(value) if self.server.eager and iscoroutine(value) else value
        if not waits(rest):
            self._proceed(rest, proceed)
            return
        self.phase = WAITING
        self.coroutine = self.system.loop.create_task(guarded(rest), context=process_context(self))
        self.coroutine.add_done_callback(partial(self._settled, value, proceed))
        if self.doomed is not None:  # by the callback itself, before it waited
            self.coroutine.cancel()

    def _proceed(self, result: Any, proceed: Any) -> None:
        if type(result) is Failed:
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
