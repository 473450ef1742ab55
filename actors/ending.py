"""Waiting for the end of a process, in code that can't wait for a Down."""

import asyncio
from typing import Any

from actors.pid import Pid, Ref
from actors.process import Process


class Ending(Ref, frozen=True, eq=False, gc=True, kw_only=True):
    """A watcher whose future gives the exit reason."""

    future: "asyncio.Future[Any]"

    def down(self, ref: Ref, pid: Pid, reason: Any) -> None:
        if not self.future.done():
            self.future.set_result(reason)

    def expire(self) -> None:
        if not self.future.done():
            self.future.set_exception(TimeoutError("the process has not ended"))


async def end_of(process: Process, timeout_s: float | None = None) -> Any:
    """The exit reason of a living process, when it has ended. Raises TimeoutError after timeout_s."""
    loop = process.system.loop
    ending = Ending(future=loop.create_future())
    process.watch(ending, ending)
    timer = None if timeout_s is None else loop.call_later(timeout_s, ending.expire)
    try:
        return await ending.future
    finally:
        if timer is not None:
            timer.cancel()
        if process.watchers is not None:
            process.watchers.pop(ending, None)
