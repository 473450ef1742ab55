"""The processes of one call: its worker, and what supervises that by the tool's policy.

    tool_supervisor                 DynamicSupervisor: all calls that run
    └── supervisor of one call      ends when its worker has answered or has crashed too often, or the turn has gone
        └── ToolWorker              runs the tool

A crash is the supervisor's business; a tool that raises, or passes its deadline, is a result for the model, after the
retries that its policy allows. Why a supervisor for each call: docs/adr/0002-supervision-of-a-call.md.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable
from random import random
from typing import Any, Final

from msgspec import Struct

from actors import SHUTDOWN, Down, Next, Pid, Stop, Task, monitor
from agents.core.conversation import ToolCall
from agents.core.events import ToolResult
from agents.tools.errors import CpuTimeUsedUp, InvalidArguments, PoolUnavailable, ToolRaised, WorkerDied
from agents.tools.pool_server import open_pool
from agents.tools.result import result_text
from agents.tools.retry import pause_s
from agents.tools.run import run_call
from agents.tools.tool import Tool
from supervisors import AutoShutdown, ChildSpec, Flags, RestartType, Strategy, Supervisor
from supervisors.supervisor import SupervisorState

TOOL_SUPERVISOR: Final = "tool_supervisor"
RESTART_PERIOD_S = 60.0
STOP_S = 0.2  # what a worker gets to end in
MAX_UNTAKEN = 16  # progress of a call that its owner has not taken; from there on the latest replaces the one before it

RETRIED: Final = frozenset({"raised", "timeout"})


class Job(Struct, frozen=True):
    """One call to be run for its owner, who gets Attempted for every attempt, Progressed, and Answered.

    number: of the call in its turn; an index comes again with every model call.
    untaken: what the call has reported, as many values as Progressed are on their way. begun: where its supervisor puts
    itself, for an owner that is ended before it hears of it.
    """

    number: int
    tool: Tool
    call: ToolCall
    owner: Pid
    untaken: deque[Any]
    begun: list[Pid]


class Attempted(Struct, frozen=True):
    number: int


class Progressed(Struct, frozen=True):
    """The first of the call's untaken values may be taken."""

    number: int


class Crashed(Struct, frozen=True):
    """The worker of this call is about to crash: why, in words for the model."""

    number: int
    reason: str


class Answered(Struct, frozen=True):
    number: int
    result: ToolResult


class ToolWorker(Task):
    """Runs one call. Its crash is its exit; everything else that can happen to a tool is an answer."""

    def __init__(self, job: Job) -> None:
        self._job = job

    async def run(self) -> None:
        job, tool, attempt = self._job, self._job.tool, 1
        while (result := await self._attempted()).error in RETRIED and attempt <= tool.retries:
            await asyncio.sleep(pause_s(attempt, tool.backoff_s, random()))  # noqa: S311 - spreads, and guards nothing
            attempt += 1
        self.send(job.owner, Answered(job.number, result))

    async def _attempted(self) -> ToolResult:
        job = self._job
        self.send(job.owner, Attempted(job.number))
        try:
            pool = await open_pool() if job.tool.isolation == "process" else None
            value = await run_call(job.tool, job.call.arguments, pool, self._report)
            return ToolResult(result_text(value), value)
        except InvalidArguments as invalid:
            return failed("invalid_arguments", str(invalid))
        except ToolRaised as raised:
            return failed("raised", str(raised))
        except TimeoutError as late:
            return failed("timeout", str(late))
        except CpuTimeUsedUp as used_up:
            return failed("cpu_time", str(used_up))
        except (WorkerDied, PoolUnavailable) as died:
            self.send(job.owner, Crashed(job.number, str(died)))
            raise

    def _report(self, data: Any) -> None:
        untaken = self._job.untaken
        if len(untaken) < MAX_UNTAKEN:
            untaken.append(data)
            self.send(self._job.owner, Progressed(self._job.number))
        else:
            untaken[-1] = data


WORKERS: Final = {
    str(restart): ChildSpec("worker", ToolWorker, restart=restart, significant=True, shutdown=STOP_S)
    for restart in (RestartType.TRANSIENT, RestartType.TEMPORARY)
}
"""By a tool's restart type. Checked here once, not again for each call."""


class CallSupervisor(Supervisor):
    """Supervises one call. A worker that crashes is restarted by its tool's policy; the owner's end is the call's."""

    async def init(self, job: Job) -> Any:
        monitor(job.owner)
        return await super().init(job)

    def tree(self, job: Job) -> tuple[Flags, tuple[ChildSpec, ...]]:
        job.begun.append(self.pid)
        tool = job.tool
        any_end = AutoShutdown.ANY_SIGNIFICANT
        flags = Flags(Strategy.ONE_FOR_ONE, tool.max_restarts, RESTART_PERIOD_S, any_end)
        return flags, (WORKERS[tool.restart].with_args(job),)

    def handle_info(
        self, message: Any, state: SupervisorState
    ) -> Next[SupervisorState] | Awaitable[Next[SupervisorState]]:
        if isinstance(message, Down):
            return Stop(SHUTDOWN, state)
        return super().handle_info(message, state)


CALL: Final = ChildSpec("call", CallSupervisor, restart=RestartType.TEMPORARY)
"""The template of the tool supervisor's children."""


def failed(kind: str, reason: str) -> ToolResult:
    """A result that tells the model why there is none."""
    return ToolResult(f"error: {reason}", error=kind)
