"""A pool of warm worker processes for tools that must be killable.

    async with WorkerPool(size=4) as pool:
        await pool.run(add, '{"a": 1, "b": 2}')

Any number of callers may run tools at once; size of them run, the others wait in the order in which they came. The
deadline of a call counts from when a worker takes it, so waiting never costs a call its time.

A worker that died, or had to be killed, is replaced at once. Why not a library: docs/adr/0001-worker-pool.md.
"""

import asyncio
import os
import sys
from collections import deque
from typing import Any, Self

import msgspec

from actors.ending import finish
from actors.log import get_logger
from agents.tools.errors import CpuTimeUsedUp, InvalidArguments, PoolUnavailable, ToolRaised, WorkerDied
from agents.tools.progress import Send, unwatched
from agents.tools.tool import Tool
from agents.tools.worker.confine import confined, environment
from agents.tools.worker.process import WorkerProcess
from agents.tools.worker.server_process import ServerProcess
from agents.tools.worker.wire import Answer, Job, Limits, Origin, Raised, Ready, Refused, Returned

DEFAULT_SIZE = max(4, os.cpu_count() or 1)

# Pauses between attempts to start a worker where that fails: it is tried for ever, as a supervisor would.
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0

UNGUARDED = 'expected a module that can be imported: start the application under if __name__ == "__main__":'

log = get_logger("understudy.tools")


class WorkerPool:
    """State: the workers that live, those of them that are idle, the callers that wait. Never both of the last two.

    Its workers are forked by one OS process of its own (worker/fork_server.py), so that a new one is ready at once.

    running: the tool's name by the pid of the worker that runs it, to be read only.

    It belongs to the loop and the thread that started it: the kernel kills the workers when that thread ends.
    """

    def __init__(self, size: int = DEFAULT_SIZE) -> None:
        if size < 1:
            raise ValueError(f"size: expected 1 or more, got {size!r}")
        self.size = size
        self.running: dict[int, str] = {}
        self._environment = environment(os.environ)
        self._open = False
        self._server: ServerProcess | None = None
        self._workers: set[WorkerProcess] = set()
        self._idle: deque[WorkerProcess] = deque()
        self._waiting: deque[asyncio.Future[WorkerProcess]] = deque()
        self._replacements: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start all workers and wait until they are ready. Raises PoolUnavailable, and leaves none behind then.

        Not inside a worker: a script that starts its application when it is imported would start one in each worker,
        and those in theirs, without end.
        """
        if confined():
            raise PoolUnavailable(UNGUARDED)
        self._open = True
        try:
            started = await asyncio.gather(*(self._start_worker() for _ in range(self.size)), return_exceptions=True)
        except asyncio.CancelledError:
            await self.close()
            raise
        for fault in filter(None, started):
            await self.close()
            raise PoolUnavailable(f"a worker process could not be started: {fault}") from fault

    async def close(self) -> None:
        """Kill every worker, running calls included, and wait until all are gone. Waiting callers are refused."""
        self._open = False
        for task in self._replacements:
            task.cancel()
        self._refuse_waiting("the pool of worker processes was closed")
        ends = [worker.killed() for worker in self._workers]
        await asyncio.gather(*ends, *self._replacements, return_exceptions=True)
        if self._server is not None:
            await self._server.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await finish(self.close())

    async def run(
        self,
        tool: Tool,
        arguments_json: str,
        on_progress: Send = unwatched,
    ) -> Any:
        """What the tool returned, as JSON data, within the tool's max_output_bytes.

        on_progress: called with each value that the tool reports.
        Raises InvalidArguments, ToolRaised, CpuTimeUsedUp, WorkerDied, PoolUnavailable, and TimeoutError at the
        deadline. At the deadline, and when the caller is cancelled, this ends only after the worker and all that it
        started were killed and reaped.
        """
        worker = await self._take_worker()
        self.running[worker.pid] = tool.name
        try:
            answer = await _answer(worker, _job(tool, arguments_json), tool.deadline_s, on_progress)
        except WorkerDied as died:
            if tool.cpu_s is not None and died.how == "SIGXCPU":
                raise CpuTimeUsedUp(tool.cpu_s) from died
            raise
        finally:
            del self.running[worker.pid]
            self._give(worker)
        return _value(answer)

    async def _take_worker(self) -> WorkerProcess:
        if not self._open:
            raise PoolUnavailable("expected a started pool of worker processes, got one that is closed")
        while self._idle:
            worker = self._idle.popleft()
            if worker.usable:  # else its end is known since this round of the loop, and its replacement under way
                return worker
        turn: asyncio.Future[WorkerProcess] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._give(turn.result())  # handed over in the same moment
            raise

    def _give(self, worker: WorkerProcess) -> None:
        """Hand the worker to who waits longest: passing it by hand keeps a newcomer from stepping in between."""
        if not worker.usable:
            return
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(worker)
                return
        self._idle.append(worker)

    async def _start_worker(self) -> None:
        if self._server is None or self._server.exited.done():
            self._server = ServerProcess(self._environment)
        worker = await WorkerProcess.start(self._server)
        self._workers.add(worker)
        worker.exited.add_done_callback(lambda _: self._on_exit(worker))
        self._give(worker)

    def _on_exit(self, worker: WorkerProcess) -> None:
        self._workers.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        if self._open:
            log.info("worker_replaced", pid=worker.pid, reason=WorkerDied.of(worker.exited.result()).how)
            task = asyncio.get_running_loop().create_task(self._replace())
            self._replacements.add(task)
            task.add_done_callback(self._replacements.discard)

    async def _replace(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                return await self._start_worker()
            except (WorkerDied, OSError) as error:
                log.warning("worker_not_started", reason=str(error), next_attempt_s=pause_s)
                if not self._workers:
                    self._refuse_waiting(f"no worker process can be started: {error}")
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _refuse_waiting(self, why: str) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(PoolUnavailable(why))


async def _answer(worker: WorkerProcess, job: Job, timeout_s: float, on_progress: Send) -> Answer:
    try:
        async with asyncio.timeout(timeout_s):
            return await worker.ask(job, on_progress)
    except TimeoutError:
        await worker.killed()
        raise TimeoutError(f"no result within {timeout_s:g} s") from None
    except asyncio.CancelledError:
        await worker.killed()
        raise


def _job(tool: Tool, arguments_json: str) -> Job:
    module = sys.modules[tool.function.__module__]
    # A program that was started with -m is __main__ here, and can be imported by its name there.
    spec = module.__spec__
    name = spec.name if spec is not None else module.__name__
    origin = Origin(name, tool.function.__qualname__, module.__file__ or "")
    bound = msgspec.json.encode(tool.bound).decode()
    limits = Limits(tool.cpu_s, tool.memory_bytes, tool.open_files)
    return Job(origin, arguments_json, bound, [*map(str, sys.path)], limits, tool.max_output_bytes)


def _value(answer: Answer) -> Any:
    match answer:
        case Returned(value):
            return value
        case Raised(type_name, message):
            raise ToolRaised(type_name, message)
        case Refused(faults):
            raise InvalidArguments(*faults)
        case Ready():
            raise WorkerDied("answered a job with its greeting")
