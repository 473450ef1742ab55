"""The workers of a template that wait for its next calls, and how many of them it keeps.

A fork takes some milliseconds, so a call that finds a worker ready starts earlier. A worker that waits costs memory.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeAlias

from msgspec import Struct

from agents.tools.task_outcome import read_outcome
from agents.tools.worker.process import WorkerProcess

Start: TypeAlias = Callable[[], Coroutine[Any, Any, WorkerProcess]]
"""Start one worker. Raises WorkerDied or OSError."""


class ReadyWorkers(Struct, frozen=True):
    """The number of workers that a template keeps ready.

    least: kept while its tools are not called. most: kept at most. idle_s: the time after which workers that no call
    has needed end.
    """

    least: int = 1
    most: int = 64
    idle_s: float = 10.0

    def up_to(self, most: int) -> "ReadyWorkers":
        """Return the same with no more workers than this."""
        return ReadyWorkers(min(self.least, most), min(self.most, most), self.idle_s)


DEFAULT_READY: Final = ReadyWorkers()


class Spares:
    """State: the workers that wait, the number that is wanted, and the fewest that were ready in this period.

    A call that finds no worker ready adds one to the wanted number. A period of idle_s in which some workers were not
    needed takes their number away. So a rhythm of calls that is shorter than a period keeps its workers.
    """

    def __init__(self, start: Start, ready: ReadyWorkers) -> None:
        self._loop = asyncio.get_running_loop()
        self._start, self._ready = start, ready
        self._waiting: deque[asyncio.Task[WorkerProcess]] = deque()
        self._wanted = self._fewest = ready.least
        self._starting = 0  # calls that wait for the start of their worker
        self._period: asyncio.TimerHandle | None = None

    async def take(self) -> WorkerProcess:
        """Return a worker for one call. Raises WorkerDied or OSError."""
        spare = self._next()
        if spare is None or not spare.done():
            self._wanted = min(self._wanted + 1, self._ready.most)
        self._fewest = min(self._fewest, self._ready_now)
        self._starting += 1
        try:
            if spare is not None and (worker := await spare).usable:
                return worker
            return await self._start()
        finally:
            self._starting -= 1
            self.fork_ahead()

    def fork_ahead(self) -> None:
        """Fork the worker of a later call, one after another, and not while a call waits for its own."""
        if max(self._wanted, len(self._waiting)) > self._ready.least and self._period is None:
            self._period = self._loop.call_later(self._ready.idle_s, self._on_period)
        if self._starting or len(self._waiting) >= self._wanted or (self._waiting and not self._waiting[-1].done()):
            return
        task = self._loop.create_task(self._start())
        task.add_done_callback(self._forked)
        self._waiting.append(task)

    async def close(self) -> None:
        """Kill the workers that wait. No worker is forked ahead from now on."""
        self._wanted = 0
        if self._period is not None:
            self._period.cancel()
        for spare in self._waiting:
            spare.cancel()  # a start that still runs
        for worker in await asyncio.gather(*self._waiting, return_exceptions=True):
            if isinstance(worker, WorkerProcess):
                await worker.killed()

    @property
    def _ready_now(self) -> int:
        """The workers that wait, without the one that is being forked. Workers are forked one after another."""
        forking = bool(self._waiting) and not self._waiting[-1].done()
        return len(self._waiting) - forking

    def _next(self) -> "asyncio.Task[WorkerProcess] | None":
        """Return the spare that was forked first. Spares that failed or died in the meantime are dropped."""
        while self._waiting:
            spare = self._waiting.popleft()
            if not spare.done() or _usable(spare):
                return spare
            self._on_failure()
        return None

    def _forked(self, task: "asyncio.Task[WorkerProcess]") -> None:
        read_outcome(task)
        if _usable(task):
            self.fork_ahead()
        elif not task.cancelled():
            self._on_failure()

    def _on_failure(self) -> None:
        """Keep few workers where they can't be kept, so that no call is followed by a storm of forks."""
        self._wanted = min(self._wanted, self._ready.least)

    def _on_period(self) -> None:
        """End the workers that no call has needed in this period."""
        self._period = None
        self._wanted = max(self._ready.least, self._wanted - self._fewest)
        while len(self._waiting) > self._wanted and self._waiting[-1].done():
            if _usable(last := self._waiting.pop()):
                last.result().kill()
        self._fewest = len(self._waiting)
        self.fork_ahead()


def _usable(spare: "asyncio.Task[WorkerProcess]") -> bool:
    return spare.done() and not spare.cancelled() and spare.exception() is None and spare.result().usable
