"""A pool of worker processes for tools that must be killable.

    async with WorkerPool(size=64) as pool:
        await pool.load([add])
        await pool.run(add, '{"a": 1, "b": 2}')

Each call runs in a process of its own, a fork of a template that has imported the tool's module. So a change that a
call makes to its process does not reach the next call. Any number of callers may run tools at once. Up to size calls
run, and the others wait in the order of arrival. Above COMPUTING calls, a further one starts only while fewer than that
many compute. The deadline of a call starts when a worker takes it. Neither the wait nor an import uses up its time.

Why not a library: docs/adr/0001-worker-pool.md. Why a fork for each call: docs/adr/0007-a-fork-for-each-call.md. Why
calls that compute are counted: docs/adr/0015-workers-on-demand.md.
"""

import asyncio
import itertools
import os
import sys
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from typing import Any, Final, Self

import msgspec
from msgspec.structs import replace

from actors.kernel.ending import finish
from agents.tools.answers import value_of
from agents.tools.call_context import CallContext, outside
from agents.tools.callables import address_of
from agents.tools.errors import (
    CpuTimeUsedUp,
    InvalidTool,
    PoolUnavailable,
    WorkerDied,
    no_result,
)
from agents.tools.progress import Send, unobserved, unwatched
from agents.tools.slots import Slots
from agents.tools.templates import Templates, startable
from agents.tools.tool import Tool
from agents.tools.worker.confine import confined, note_start_inside
from agents.tools.worker.loading import UNGUARDED
from agents.tools.worker.process import WorkerProcess
from agents.tools.worker.spares import DEFAULT_READY, ReadyWorkers
from agents.tools.worker.state import state_of
from agents.tools.worker.wire import (
    Answer,
    FunctionOrigin,
    JobLimits,
    WorkerJob,
)
from agents.tools.workers import LivingWorkers
from agents.traces.carrier import carried

COMPUTING: Final = max(4, os.cpu_count() or 1)
"""Calls that start without a look at the others, and calls that may compute when a further one starts."""

DEFAULT_SIZE: Final = 64
DEFAULT_IMPORT_S: Final = 60.0


class WorkerPool:
    """A pool. State: the templates of its workers, and the workers that live.

    running: the tool's name by the pid of the worker that runs it. Read only.

    The pool belongs to the loop and the thread that started it. When that thread ends, the kernel kills the workers.
    """

    def __init__(
        self, size: int = DEFAULT_SIZE, import_s: float = DEFAULT_IMPORT_S, ready: ReadyWorkers = DEFAULT_READY
    ) -> None:
        if size < 1:
            raise ValueError(f"size: expected 1 or more, got {size!r}")
        self.size = size
        self.running: dict[int, str] = {}
        self._slots = Slots(size, COMPUTING, self._room)
        self._numbers = itertools.count(1)
        self._templates = Templates(import_s, ready.up_to(size))
        self._workers = LivingWorkers()
        self._computing: list[int] = []  # the pids that computed at the last look

    @property
    def waiting(self) -> int:
        """The number of calls that wait for a worker."""
        return self._slots.waiting

    async def start(self) -> None:
        """Start the first fork server. A first call waits until it is ready.

        Raises PoolUnavailable after it has cleaned up.

        A worker can't start a pool. Otherwise a script that starts its application at import would start one in each
        template, and those templates would start more, without end.
        """
        refuse_inside()
        try:
            await self._templates.start()
        except (WorkerDied, OSError) as fault:
            await self.close()
            raise PoolUnavailable(f"a worker process could not be started: {fault}") from fault
        except asyncio.CancelledError:
            await self.close()
            raise

    async def close(self) -> None:
        """Kill every worker, also one that runs a call, and wait until all have ended.

        Callers that wait are refused.
        """
        self._templates.is_open = False
        self._slots.refuse(PoolUnavailable("the pool of worker processes was closed"))
        await self._workers.killed()
        await self._templates.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await finish(self.close())

    async def load(self, tools: Iterable[Tool]) -> None:
        """Import the modules of these tools in templates, so that a first call waits for no import.

        Raises InvalidTool with a fault of each tool that can't be used, and PoolUnavailable.
        """
        origins = [_origin(tool) for tool in tools if tool.isolation == "process"]
        outcomes = await asyncio.gather(*map(self._templates.of, origins), return_exceptions=True)
        faults = [fault for each in outcomes if isinstance(each, InvalidTool) for fault in each.faults]
        for other in outcomes:
            if isinstance(other, BaseException) and not isinstance(other, InvalidTool):
                raise other
        if faults:
            raise InvalidTool(*dict.fromkeys(faults))

    async def run(
        self,
        tool: Tool,
        arguments_json: str,
        on_progress: Send = unwatched,
        on_begin: Callable[[], object] = unobserved,
        context: Callable[[], CallContext] = outside,
    ) -> Any:
        """Run one call, and return the tool's result as JSON data within its max_output_bytes.

        on_progress: called with each value that the tool reports. on_begin: called when a worker takes the call.
        context: called then, for a tool that has a parameter for it.
        Raises InvalidArguments, ToolRaised, CallAsks, CpuTimeUsedUp, WorkerDied, PoolUnavailable, and TimeoutError at
        the deadline. At the deadline, and when the caller is cancelled, the worker and every process that it started
        are killed and reaped before this returns.
        """
        job = _job(tool, arguments_json, next(self._numbers))
        with startable(InvalidTool):
            await self._templates.of(job.origin)  # no slot is held during an import
        async with self._slots.one():
            worker = await self._worker(job.origin)
            self.running[worker.pid] = tool.name
            on_begin()
            job = replace(job, context=context()) if tool.context else job
            try:
                answer = await _answer(worker, job, tool, on_progress)
            except WorkerDied as died:
                if tool.cpu_s is not None and died.how == "SIGXCPU":
                    raise CpuTimeUsedUp(tool.cpu_s) from died
                raise
            finally:
                del self.running[worker.pid]
                worker.kill()
        return value_of(answer)

    def _room(self) -> int:
        """Return how many calls may start until COMPUTING calls compute or are about to.

        More of them would only slow each other down. The workers that computed at the last look are asked first: if
        they still compute, no other worker is asked.
        """
        left = max(0, COMPUTING - (self._slots.held - len(self.running)))
        pids = dict.fromkeys([*self._computing, *self.running])
        computing = (pid for pid in pids if pid in self.running and state_of(pid) == "R")
        self._computing = [*islice(computing, left)]
        return left - len(self._computing)

    async def _worker(self, origin: FunctionOrigin) -> WorkerProcess:
        """Return a worker for one call. Raises PoolUnavailable."""
        with startable(InvalidTool, WorkerDied, OSError):
            return await self._workers.start(partial(self._forked, origin))

    async def _forked(self, origin: FunctionOrigin) -> WorkerProcess:
        """Return a worker. A template that dies or is stuck in the meantime is replaced once.

        A start ahead of this call may have been refused, so a refusal is tried again, too.
        """
        try:
            return await (await self._templates.of(origin)).worker()
        except (WorkerDied, OSError):
            return await (await self._templates.of(origin)).worker()


def refuse_inside() -> None:
    """Raise PoolUnavailable in a worker process, and in a process that imports a module of tools."""
    if confined():
        note_start_inside()
        raise PoolUnavailable(UNGUARDED)


async def _answer(worker: WorkerProcess, job: WorkerJob, tool: Tool, on_progress: Send) -> Answer:
    try:
        async with asyncio.timeout(tool.deadline_s):
            return await worker.ask(job, on_progress, tool.processes)
    except TimeoutError:
        await worker.killed()
        raise no_result(tool.deadline_s) from None
    except asyncio.CancelledError:
        await worker.killed()
        raise


def _origin(tool: Tool) -> FunctionOrigin:
    address = address_of(tool.function)
    assert address is not None  # a tool without one is refused where it is defined
    module_name, qualname = address
    module = sys.modules[module_name]
    # A module that was started with -m is __main__ in this process. A worker imports it by its name.
    spec = module.__spec__
    name = spec.name if spec is not None else module.__name__
    return FunctionOrigin(name, qualname, module.__file__ or "")


def _job(tool: Tool, arguments_json: str, number: int) -> WorkerJob:
    bound = msgspec.json.encode(tool.bound).decode()
    limits = JobLimits(tool.cpu_s, tool.memory_bytes, tool.open_files, tool.file_bytes)
    path, most = [*map(str, sys.path)], tool.max_output_bytes
    return WorkerJob(number, _origin(tool), arguments_json, bound, path, limits, most, dict(carried()))
