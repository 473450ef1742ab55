"""The tool pool of a simulation, which has no OS processes: it runs `def` tools on the loop, in no virtual time."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from actors import Caller, GenServer, Reply
from agents.tools.pool_server import Lend
from agents.tools.progress import Send, unwatched
from agents.tools.run import run_call
from agents.tools.tool import Tool


class InlinePool:
    """The two functions of a WorkerPool that calls use."""

    async def load(self, tools: Iterable[Tool]) -> None:
        """Do nothing: this OS process has the modules of its tools."""

    async def run(self, tool: Tool, arguments_json: str, on_progress: Send = unwatched) -> Any:
        """Run one call, and return the tool's result. Raises the errors of run_call."""
        return await run_call(_on_loop(tool), arguments_json, None, on_progress)


class InlineToolPool(GenServer[InlinePool]):
    """The process in place of ToolPool."""

    def init(self) -> InlinePool:
        return InlinePool()

    def handle_call(self, request: Lend, caller: Caller, pool: InlinePool) -> Reply[InlinePool]:
        return Reply(pool, pool)


def _on_loop(tool: Tool) -> Tool:
    async def function(**values: Any) -> Any:
        return tool.function(**values)

    return replace(tool, function=function, isolation="task")
