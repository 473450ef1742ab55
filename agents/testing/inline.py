"""The tools of a simulation, which has no threads and no OS processes: they run and are imported on the loop.

A `def` tool takes no virtual time there.
"""

import importlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from actors import Caller, GenServer, Reply
from agents.tools.call_context import CallContext, outside
from agents.tools.importing import modules_of
from agents.tools.pool_server import TOOL_POOL, Lend
from agents.tools.progress import Send, unobserved, unwatched
from agents.tools.run import run_call
from agents.tools.tool import Tool
from supervisors import ChildSpec
from supervisors.agent_supervisor import AGENT_SUPERVISOR, Prepare


def inline(children: Iterable[ChildSpec]) -> tuple[ChildSpec, ...]:
    """Return the children of the application's tree with tools that run on the loop."""
    return tuple(map(_inline, children))


def _inline(child: ChildSpec) -> ChildSpec:
    if child.id == TOOL_POOL:
        return ChildSpec(TOOL_POOL, InlineToolPool, name=TOOL_POOL)
    if child.id == AGENT_SUPERVISOR:
        *args, prepare = child.args
        return ChildSpec(child.id, child.start, *args, _importing_first(prepare), name=child.name)
    return child


class InlinePool:
    """The two functions of a WorkerPool that calls use."""

    async def load(self, tools: Iterable[Tool]) -> None:
        """Do nothing: this OS process has the modules of its tools."""

    async def run(
        self,
        tool: Tool,
        arguments_json: str,
        on_progress: Send = unwatched,
        on_begin: Callable[[], object] = unobserved,
        context: Callable[[], CallContext] = outside,
    ) -> Any:
        """Run one call, and return the tool's result. Raises the errors of run_call."""
        return await run_call(_on_loop(tool), arguments_json, None, on_progress, on_begin, context)


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


def _importing_first(prepare: Prepare) -> Prepare:
    async def prepared(config: Mapping[str, Any], *more: Any) -> None:
        for module in modules_of(config.get("tools")):
            with suppress(Exception):  # the agent's start imports it again, and reports the fault
                importlib.import_module(module)
        await prepare(config, *more)

    return prepared
