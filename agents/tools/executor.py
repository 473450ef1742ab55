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

from actors import NORMAL, Down, GenServer, Mailbox, NoReply, Pid, Ref, Stop, Task, ended, monitor
from agents.core.conversation import ToolCall
from agents.core.events import ToolResult
from agents.core.turn import ToolFinished
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
    """One call to be run for its owner, who gets Attempted for every attempt, and ToolFinished."""

    tool: Tool
    call: ToolCall
    owner: Pid


class Attempted(Struct, frozen=True):
    index: int


class Crashed(Struct, frozen=True):
    """The worker of this call is about to crash: why, in words for the model."""

    index: int
    reason: str


class ToolWorker(Task):
    """Runs one call once. Its crash is its exit; everything else that can happen to a tool is an answer."""

    def __init__(self, job: Job) -> None:
        self._job = job

    async def run(self) -> None:
        job = self._job
        self.send(job.owner, Attempted(job.call.index))
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
            self.send(job.owner, Crashed(job.call.index, str(died)))
            raise
        self.send(job.owner, ToolFinished(job.call.index, result))


class OwnerWatch(GenServer[None]):
    """Ends when the owner has ended: as a significant child, and its siblings with it."""

    def init(self, owner: Pid) -> None:
        monitor(owner)

    def handle_info(self, message: Any, state: None) -> NoReply[None] | Stop[None]:
        return Stop(NORMAL, None) if isinstance(message, Down) else NoReply(None)


class CallSupervisor(Supervisor):
    """Supervises one call. A worker that crashes is restarted by its tool's policy."""

    def tree(self, job: Job) -> tuple[Flags, tuple[ChildSpec, ...]]:
        tool = job.tool
        any_end = AutoShutdown.ANY_SIGNIFICANT
        return Flags(Strategy.ONE_FOR_ONE, tool.max_restarts, RESTART_PERIOD_S, any_end), (
            ChildSpec("owner", OwnerWatch, job.owner, restart=RestartType.TEMPORARY, significant=True),
            ChildSpec("worker", ToolWorker, job, restart=RestartType(tool.restart), significant=True, shutdown=STOP_S),
        )


CALL: Final = ChildSpec("call", CallSupervisor, restart=RestartType.TEMPORARY)
"""The template of the tool supervisor's children."""


class _Open(Struct):
    """A call that runs: its supervisor's monitor, since when, its attempts, and why the last one crashed."""

    call: ToolCall
    supervisor: Pid
    started_s: float
    attempts: int = 0
    crash: str = "its worker was stopped"


class Calls:
    """The calls of one turn, and the inbox that owns them: when it closes, they end."""

    def __init__(self, tools: Mapping[str, Tool]) -> None:
        self._tools = tools
        self._inbox = Mailbox()
        self._open: dict[int, _Open] = {}
        self._supervisors: dict[Ref, int] = {}
        self._loop = asyncio.get_running_loop()

    async def start(self, call: ToolCall) -> None:
        """Start the call's worker; an unknown tool is answered at once."""
        tool = self._tools.get(call.name)
        if tool is None:
            known = ", ".join(self._tools) or "none"
            result = _failed("unknown_tool", f"there is no tool {call.name!r}; the tools are: {known}")
            self._inbox.process.deliver(ToolFinished(call.index, result), None)
            return
        supervisor = await start_child(TOOL_SUPERVISOR, Job(tool, call, self._inbox.pid))
        self._open[call.index] = _Open(call, supervisor, self._loop.time())
        self._supervisors[self._inbox.process.monitor(supervisor)] = call.index

    async def next(self) -> ToolFinished:
        """The next result, in order of arrival."""
        while True:
            match await self._inbox.receive():
                case Attempted(index) if index in self._open:
                    self._open[index].attempts += 1
                case Crashed(index, reason) if index in self._open:
                    self._open[index].crash = reason
                case ToolFinished(index, result):
                    return self._finished(index, result)
                case Down(ref) if (index := self._supervisors.pop(ref, -1)) in self._open:
                    return self._finished(index, _failed("crashed", self._open[index].crash))

    def _finished(self, index: int, result: ToolResult) -> ToolFinished:
        call = self._open.pop(index, None)
        if call is None:
            return ToolFinished(index, result)
        elapsed_s = self._loop.time() - call.started_s
        return ToolFinished(
            index, ToolResult(result.content, result.value, result.error, elapsed_s, max(call.attempts, 1))
        )

    async def stop(self) -> None:
        """End what still runs; returns when every worker of the turn is gone."""
        self._inbox.close()
        for call in self._open.values():
            await ended(call.supervisor)


def _failed(kind: str, reason: str) -> ToolResult:
    return ToolResult(f"error: {reason}", error=kind)
