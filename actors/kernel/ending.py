"""Waits for the end of a process, in code that can't receive a Down, and of a clean-up, despite cancellation."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from actors.kernel.pid import Pid, Ref
from actors.kernel.process import Process


class EndWatcher(Ref, frozen=True, eq=False, gc=True, kw_only=True):
    """A watcher of a process. Its future's result is the exit reason."""

    future: "asyncio.Future[Any]"

    def down(self, ref: Ref, pid: Pid, reason: Any) -> None:
        if not self.future.done():
            self.future.set_result(reason)

    def expire(self) -> None:
        if not self.future.done():
            self.future.set_exception(TimeoutError("the process has not ended"))


async def end_of(process: Process, timeout_s: float | None = None) -> Any:
    """Wait for the end of a living process and return its exit reason. Raises TimeoutError after timeout_s."""
    loop = process.system.loop
    ending = EndWatcher(future=loop.create_future())
    process.watch(ending, ending)
    timer = None if timeout_s is None else loop.call_later(timeout_s, ending.expire)
    try:
        return await ending.future
    finally:
        if timer is not None:
            timer.cancel()
        if process.watchers is not None:
            process.watchers.pop(ending, None)


async def finish(clean_up: Coroutine[Any, Any, None]) -> None:
    """Run a clean-up to its end, and raise a cancellation that arrives meanwhile only afterwards."""
    task = asyncio.get_running_loop().create_task(clean_up)
    interruption: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as cancelled:
            interruption = cancelled
    task.result()
    if interruption is not None:
        raise interruption
