"""The workers of the calls that run. A call whose worker the kernel refuses waits for the end of another one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from agents.tools.errors import WorkerRefused
from agents.tools.worker.process import WorkerProcess

Start: TypeAlias = Callable[[], Awaitable[WorkerProcess]]


class LivingWorkers:
    """State: the workers that calls have got and that have not ended, and the number of starts that run."""

    def __init__(self) -> None:
        self._living: set[WorkerProcess] = set()
        self._starting = 0
        self._changed = asyncio.Event()  # set, and replaced, when a worker has ended or a start has failed

    async def start(self, start: Start) -> WorkerProcess:
        """Return a worker. Raises what start raises, and WorkerRefused only if no other worker lives or starts."""
        try:
            while (worker := await self._attempt(start)) is None:
                pass
        except BaseException:
            self._change()  # a start that was refused meanwhile may have waited for this one
            raise
        self._living.add(worker)
        worker.ended.add_done_callback(lambda _: self._remove(worker))
        return worker

    async def killed(self) -> None:
        """Kill the workers and wait until they are reaped, up to a limit."""
        await asyncio.gather(*(worker.killed() for worker in self._living))

    async def _attempt(self, start: Start) -> WorkerProcess | None:
        """Return a worker, or None as soon as another attempt makes sense."""
        changed = self._changed
        self._starting += 1
        try:
            return await start()
        except WorkerRefused:
            if not (changed.is_set() or self._living or self._starting > 1):
                raise
        finally:
            self._starting -= 1
        await changed.wait()
        return None

    def _remove(self, worker: WorkerProcess) -> None:
        self._living.discard(worker)
        self._change()

    def _change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
