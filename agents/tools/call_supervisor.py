"""The processes of one call: a worker, and a supervisor that follows the tool's policy.

    tool_supervisor                 DynamicSupervisor: all calls that run
    └── supervisor of one call      ends when its worker has answered, has crashed too often, or its turn has ended
        └── ToolWorker              runs the tool

The supervisor handles a crash. A tool that raises or passes its deadline gives the model an error result, after the
retries that its policy allows. Why each call has a supervisor: docs/adr/0002-supervision-of-a-call.md.
"""

import asyncio
from collections.abc import Awaitable
from contextvars import ContextVar
from functools import lru_cache
from random import random
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from actors import SHUTDOWN, Down, Next, Pid, Stop, Task, monitor
from actors.clock import now_s
from agents.core.events import Event, ToolResult
from agents.core.question import Question
from agents.parts.store import NotKept
from agents.tools.call_context import CallContext, moment_in
from agents.tools.errors import (
    CallAsks,
    CpuTimeUsedUp,
    InvalidArguments,
    PoolUnavailable,
    ServerDown,
    ToolRaised,
    WorkerDied,
)
from agents.tools.job import Job
from agents.tools.pool_server import open_pool
from agents.tools.result import WithMedia, result_text
from agents.tools.retry import pause_s
from agents.tools.run import run_call
from agents.traces.carrier import within
from supervisors import AutoShutdown, ChildSpec, Flags, RestartType, Strategy, Supervisor
from supervisors.supervisor import SupervisorState

TOOL_SUPERVISOR: Final = "tool_supervisor"
RESTART_PERIOD_S = 60.0
STOP_S = 0.2  # the time that a worker has to end
MAX_UNREAD = 16  # above it, a new value of progress replaces the latest one that the owner has not taken

RETRIED: Final = frozenset({"raised", "timeout"})


class Attempted(Struct, frozen=True):
    """The tool begins to run. at_s: the moment, by actors.clock.now_s."""

    number: int
    at_s: float


class Progressed(Struct, frozen=True):
    """The owner may take the first of the call's unread values."""

    number: int


class Published(Struct, frozen=True):
    """The sub-agent that answers this call has published an event."""

    number: int
    event: Event


class Crashed(Struct, frozen=True):
    """The worker of this call is about to crash. reason: in words for the model."""

    number: int
    reason: str


class Answered(Struct, frozen=True):
    number: int
    result: ToolResult


class AskedMidway(Struct, frozen=True):
    """The function of this call asks a person, and its worker has ended. retried: the retries of the call so far."""

    number: int
    question: Question
    retried: int


class ToolWorker(Task):
    """Run one call.

    The worker crashes only if its OS process dies, its server is down, or the pool is unavailable. Every other outcome
    is an answer.
    """

    def __init__(self, job: Job) -> None:
        self._job = job

    async def run(self) -> None:
        with within(self._job.trace):
            await self._run()

    async def _run(self) -> None:
        job, tool, retried = self._job, self._job.tool, self._job.retried
        _worker.set(self)
        try:
            while (result := await self._attempted()).error in RETRIED and retried < tool.retries:
                retried += 1
                await asyncio.sleep(pause_s(retried, tool.backoff_s, random()))  # noqa: S311 - jitter, not a secret
        except CallAsks as asks:
            self.send(job.owner, AskedMidway(job.number, asks.question, retried))
        else:
            self.send(job.owner, Answered(job.number, result))

    @property
    def job(self) -> Job:
        return self._job

    @property
    def supervisor(self) -> Pid:
        """The call's supervisor. A process that serves the call is its child, and ends with the call."""
        parent = self.process.parent
        assert parent is not None, "expected a worker under its call's supervisor"
        return parent

    def serve_by(self, agent: Pid) -> None:
        """Note the sub-agent that answers the call, for the owner."""
        self._job.agents[self._job.number] = agent

    def publish(self, event: Event) -> None:
        """Publish an event of the sub-agent that answers the call, in the stream of the call's turn."""
        self.send(self._job.owner, Published(self._job.number, event))

    async def _attempted(self) -> ToolResult:
        job = self._job
        try:
            pool = await open_pool() if job.tool.isolation == "process" else None
            value = await run_call(job.tool, job.call.arguments, pool, self._report, self._begins, self._context)
            return await self._result(value)
        except InvalidArguments as invalid:
            return failed("invalid_arguments", str(invalid))
        except ToolRaised as raised:
            return failed("raised", str(raised))
        except TimeoutError as late:
            return failed("timeout", str(late))
        except CpuTimeUsedUp as used_up:
            return failed("cpu_time", str(used_up))
        except (WorkerDied, ServerDown, PoolUnavailable) as died:
            self.send(job.owner, Crashed(job.number, str(died)))
            raise

    async def _result(self, value: Any) -> ToolResult:
        """Return the result of a call, after its images, sounds and files are kept."""
        if not isinstance(value, WithMedia):
            return ToolResult(result_text(value), value)
        try:
            parts = await self._job.keep(value.media)
        except NotKept as refused:
            return failed("raised", str(refused))
        return ToolResult(result_text(value.value), value.value, parts=parts)

    def _begins(self) -> None:
        self.send(self._job.owner, Attempted(self._job.number, now_s()))

    def _context(self) -> CallContext:
        job = self._job
        return replace(job.context, attempt=next(job.attempts), deadline=moment_in(job.tool.deadline_s))

    def _report(self, data: Any) -> None:
        unread = self._job.unread
        if len(unread) < MAX_UNREAD:
            unread.append(data)
            self.send(self._job.owner, Progressed(self._job.number))
        else:
            unread[-1] = data


_worker: Final[ContextVar[ToolWorker]] = ContextVar("worker")


def worker_of_call() -> ToolWorker:
    """Return the worker of the call that runs in this context. Only code of a tool with isolation "task" calls this."""
    return _worker.get()


WORKERS: Final = {
    str(restart): ChildSpec("worker", ToolWorker, restart=restart, significant=True, shutdown=STOP_S)
    for restart in (RestartType.TRANSIENT, RestartType.TEMPORARY)
}
"""The worker's ChildSpec for each restart type. It is checked here once, and not again for each call."""


class CallSupervisor(Supervisor):
    """The supervisor of one call.

    A worker that crashed is restarted if the tool's policy allows it. The supervisor ends when the owner ends.
    """

    def init(self, job: Job) -> Any:
        job.begun.append(self.pid)
        monitor(job.owner)
        return super().init(job)

    def tree(self, job: Job) -> tuple[Flags, tuple[ChildSpec, ...]]:
        tool = job.tool
        return _flags(tool.max_restarts), (WORKERS[tool.restart].with_args(job),)

    def handle_info(
        self, message: Any, state: SupervisorState
    ) -> Next[SupervisorState] | Awaitable[Next[SupervisorState]]:
        if isinstance(message, Down):
            return Stop(SHUTDOWN, state)
        return super().handle_info(message, state)


@lru_cache(maxsize=64)
def _flags(max_restarts: int) -> Flags:
    """Return the flags of a call's supervisor. They are checked once, and not again for each call."""
    return Flags(Strategy.ONE_FOR_ONE, max_restarts, RESTART_PERIOD_S, AutoShutdown.ANY_SIGNIFICANT)


CALL: Final = ChildSpec("call", CallSupervisor, restart=RestartType.TEMPORARY)
"""The template of the tool supervisor's children."""


def failed(kind: str, reason: str) -> ToolResult:
    """Return an error result that tells the model the reason."""
    return ToolResult(f"error: {reason}", error=kind)
