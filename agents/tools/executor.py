"""Fans the calls of a turn out: one supervised worker process a call, with its deadline and its restart policy.

    tool_supervisor                 DynamicSupervisor: all calls that run
    └── supervisor of one call      ends when its worker has answered, or has crashed too often
        ├── OwnerWatch              ends when the turn has gone, and the call with it
        └── ToolWorker              runs the tool

A crash is the supervisor's business; a tool that raises, or passes its deadline, is a result for the model.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from actors import NORMAL, Down, GenServer, Mailbox, NoReply, Pid, Ref, Stop, Task, ended, monitor
from agents.core.conversation import ToolCall
from agents.core.events import ToolResult
from agents.core.round import ToolFinished
from agents.tools.errors import InvalidArguments, ToolRaised, WorkerDied
from agents.tools.pool_server import open_pool
from agents.tools.result import result_text
from agents.tools.run import run_call
from agents.tools.tool import Tool
from supervisors import AutoShutdown, ChildSpec, Flags, RestartType, Strategy, Supervisor
from supervisors.dynamic_supervisor import start_child

TOOL_SUPERVISOR: Final = "tool_supervisor"
RESTART_PERIOD_S = 60.0
STOP_S = 0.2  # what a worker gets to end in


class Job(Struct, frozen=True):
    """One call to be run for its owner, who gets Attempted for every attempt, and Answered.

    number: of the call in its turn; an index comes again with every model call.
    """

    number: int
    tool: Tool
    call: ToolCall
    owner: Pid


class Attempted(Struct, frozen=True):
    number: int


class Crashed(Struct, frozen=True):
    """The worker of this call is about to crash: why, in words for the model."""

    number: int
    reason: str


class Answered(Struct, frozen=True):
    number: int
    result: ToolResult


class ToolWorker(Task):
    """Runs one call once. Its crash is its exit; everything else that can happen to a tool is an answer."""

    def __init__(self, job: Job) -> None:
        self._job = job

    async def run(self) -> None:
        job = self._job
        self.send(job.owner, Attempted(job.number))
        try:
            value = await run_call(job.tool, job.call.arguments, await open_pool())
            result = ToolResult(result_text(value), value)
        except InvalidArguments as invalid:
            result = _failed("invalid_arguments", str(invalid))
        except ToolRaised as raised:
            result = _failed("raised", str(raised))
        except TimeoutError as late:
            result = _failed("timeout", str(late))
        except WorkerDied as died:
            self.send(job.owner, Crashed(job.number, str(died)))
            raise
        self.send(job.owner, Answered(job.number, result))


class OwnerWatch(GenServer[None]):
    """Ends when the owner has ended: as a significant child, and its siblings with it."""

    def init(self, owner: Pid) -> None:
        monitor(owner)

    def handle_info(self, message: Any, state: None) -> NoReply[None] | Stop[None]:
        return Stop(NORMAL, None) if isinstance(message, Down) else NoReply(None)


OWNER: Final = ChildSpec("owner", OwnerWatch, restart=RestartType.TEMPORARY, significant=True)
WORKERS: Final = {
    str(restart): ChildSpec("worker", ToolWorker, restart=restart, significant=True, shutdown=STOP_S)
    for restart in (RestartType.TRANSIENT, RestartType.TEMPORARY)
}
"""By a tool's restart type. Checked here once, not again for each call."""


class CallSupervisor(Supervisor):
    """Supervises one call. A worker that crashes is restarted by its tool's policy."""

    def tree(self, job: Job) -> tuple[Flags, tuple[ChildSpec, ...]]:
        tool = job.tool
        any_end = AutoShutdown.ANY_SIGNIFICANT
        return Flags(Strategy.ONE_FOR_ONE, tool.max_restarts, RESTART_PERIOD_S, any_end), (
            OWNER.with_args(job.owner),
            WORKERS[tool.restart].with_args(job),
        )


CALL: Final = ChildSpec("call", CallSupervisor, restart=RestartType.TEMPORARY)
"""The template of the tool supervisor's children."""


class _Open(Struct):
    """A call that runs: since when, its attempts, and why the last one crashed."""

    call: ToolCall
    started_s: float
    attempts: int = 0
    crash: str = "its worker was stopped"


class Calls:
    """The calls of one turn, and the inbox that owns them: when it closes, they end."""

    def __init__(self, tools: Mapping[str, Tool]) -> None:
        self._tools = tools
        self._inbox = Mailbox()
        self._open: dict[int, _Open] = {}
        self._supervisors: dict[Ref, tuple[int, Pid]] = {}  # the number of its call, until its Down has come
        self._started = 0
        self._loop = asyncio.get_running_loop()

    async def start(self, call: ToolCall) -> None:
        """Start the call's worker; an unknown tool is answered at once."""
        self._started += 1
        number = self._started
        self._open[number] = _Open(call, self._loop.time())
        tool = self._tools.get(call.name)
        if tool is None:
            known = ", ".join(self._tools) or "none"
            result = _failed("unknown_tool", f"there is no tool {call.name!r}; the tools are: {known}")
            self._inbox.process.deliver(Answered(number, result), None)
            return
        supervisor = await start_child(TOOL_SUPERVISOR, Job(number, tool, call, self._inbox.pid))
        self._supervisors[self._inbox.process.monitor(supervisor)] = number, supervisor

    async def next(self) -> ToolFinished:
        """The next result, in order of arrival."""
        while True:
            match await self._inbox.receive():
                case Attempted(number) if number in self._open:
                    self._open[number].attempts += 1
                case Crashed(number, reason) if number in self._open:
                    self._open[number].crash = reason
                case Answered(number, result) if number in self._open:
                    return self._finished(number, result)
                case Down(ref):
                    number, _ = self._supervisors.pop(ref)
                    if number in self._open:
                        return self._finished(number, _failed("crashed", self._open[number].crash))

    def _finished(self, number: int, result: ToolResult) -> ToolFinished:
        call = self._open.pop(number)
        elapsed_s = self._loop.time() - call.started_s
        return ToolFinished(call.call.index, replace(result, elapsed_s=elapsed_s, attempts=max(call.attempts, 1)))

    async def stop(self) -> None:
        """End what still runs; returns when every worker of the turn is gone."""
        self._inbox.close()
        for _, supervisor in self._supervisors.values():
            await ended(supervisor)


def _failed(kind: str, reason: str) -> ToolResult:
    return ToolResult(f"error: {reason}", error=kind)
