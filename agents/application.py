"""The application: its whole tree as data, and its start.

async with application.running():                       # in a program of your own, on its loop
    pid = await start_agent(model="gpt-4o")

await application.start()                               # in a cell of a notebook; application.stop() ends it

with AsyncioSystemBase() as base:                       # from blocking code, on a thread of its own
    base.run(application.start())
    pid = base.run(start_agent(model="gpt-4o"))
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Final

import actors
from actors import SHUTDOWN, AsyncioSystemBase, InvalidArgument, NameTaken, Pid, StartFailed, whereis
from actors.kernel.errors import named
from actors.kernel.process import Process
from actors.system.current import current_system, known_system, open_systems, running_loop
from actors.system.process_system import ProcessSystem
from agents.agent_instance import AgentInstance
from agents.agent_registry import name_of
from agents.budgets.keeper import BUDGETS, BudgetKeeper
from agents.budgets.raised import PARKED_TURNS
from agents.cluster.judge import JUDGE, Judge
from agents.cluster.takeover import Takeover
from agents.cluster.this_node import this_node
from agents.instance.by_id import ROOT
from agents.instance.configured_agents import ConfiguredAgents
from agents.instance.parked_turns import ParkedTurns
from agents.instance.recovery import Recovery
from agents.instance.retention import Retention
from agents.instance.state import Keeping
from agents.instance.tool_modules import load_tools
from agents.instance.turns import HANDLER, STREAM_SUPERVISOR
from agents.llm.breaker import BreakerPolicy
from agents.llm.llm_supervisor import LlmSupervisor
from agents.llm.provider import LLM_SUPERVISOR, ProviderPolicy
from agents.mcp.keeper import KEEPER, MCP_SUPERVISOR
from agents.node.garbage_collector import GarbageCollector
from agents.schedules.scheduler import RUN, SCHEDULE_RUNS, SCHEDULER, AgentScheduler
from agents.sessions import JOURNAL, Journal
from agents.settings import GarbageCollection, RestartLimits, RetentionSettings, Settings
from agents.settings.webhooks import unkept
from agents.tools.call_supervisor import CALL, TOOL_SUPERVISOR
from agents.tools.pool import refuse_inside
from agents.tools.pool_server import TOOL_POOL, ToolPool
from agents.tools.worker.spares import ReadyWorkers
from agents.webhooks.announcer import WEBHOOKS
from supervisors import (
    ChildSpec,
    DynamicFlags,
    DynamicSupervisor,
    Flags,
    RestartType,
    Strategy,
    root_cause,
    start_supervisor,
)
from supervisors.agent_supervisor import AGENT_SUPERVISOR, AgentSupervisor
from supervisors.crash_log import CRASH_LOG, CrashLog

__all__ = [
    "NAME",
    "AlreadyRunning",
    "Application",
    "provider_policy",
    "running",
    "start",
    "start_tree",
    "stop",
    "tree",
]

NAME: Final = ROOT
SHOWN: Final = 10  # agents that the text of an application names

_blocks: dict[ProcessSystem, AbstractAsyncContextManager[AsyncioSystemBase]] = {}
"""The process systems that `start` made, with what ends them."""


def tree(settings: Settings) -> tuple[Flags, tuple[ChildSpec, ...]]:
    """Return the whole tree, in start order. Later children rely on earlier ones."""
    agent = ChildSpec("agent", AgentInstance, settings, restart=RestartType.TRANSIENT)
    limits, policy, tools = settings.supervision, provider_policy(settings), settings.tools
    root, streams, agents = limits.understudy, _many(limits.stream_supervisor), limits.agent_supervisor
    pauses_s = agents.backoff / 1000, agents.max_backoff / 1000
    each_agent = DynamicFlags(agents.intensity, agents.period, None, True, *pauses_s, holds=True)
    each_server = DynamicFlags(limits.mcp_supervisor.intensity, limits.mcp_supervisor.period, per_child=True)
    prepare = partial(load_tools, settings)
    retention = settings.sessions.retention
    sliced = settings.garbage_collection is GarbageCollection.SLICED
    node, keeping = this_node(settings), Keeping.by(settings, comes_back=True)
    recovery = [ChildSpec("recovery", Recovery, restart=RestartType.TEMPORARY)]
    takeover = [ChildSpec(JUDGE, Judge, name=JUDGE), ChildSpec("takeover", Takeover, settings.agents, keeping.ahead)]
    ready = ReadyWorkers(tools.min_workers, tools.workers, tools.worker_idle_time / 1000)
    return Flags(Strategy.REST_FOR_ONE, intensity=root.intensity, period_s=root.period), (
        *_telemetry(settings),
        ChildSpec(CRASH_LOG, CrashLog, name=CRASH_LOG),
        ChildSpec(JOURNAL, Journal, settings.sessions, settings.daemon.state_dir, node, name=JOURNAL),
        ChildSpec(BUDGETS, BudgetKeeper, name=BUDGETS),
        ChildSpec(LLM_SUPERVISOR, LlmSupervisor, policy, _many(limits.llm_supervisor), name=LLM_SUPERVISOR),
        ChildSpec(MCP_SUPERVISOR, DynamicSupervisor, each_server, KEEPER, name=MCP_SUPERVISOR),
        ChildSpec(TOOL_POOL, ToolPool, tools.workers, tools.import_timeout / 1000, ready, name=TOOL_POOL),
        ChildSpec(TOOL_SUPERVISOR, DynamicSupervisor, _many(limits.tool_supervisor), CALL, name=TOOL_SUPERVISOR),
        ChildSpec(STREAM_SUPERVISOR, DynamicSupervisor, streams, HANDLER, name=STREAM_SUPERVISOR),
        ChildSpec(AGENT_SUPERVISOR, AgentSupervisor, each_agent, agent, prepare, name=AGENT_SUPERVISOR),
        ChildSpec("configured_agents", ConfiguredAgents, settings.agents),
        *_links(settings),
        *(recovery if node is None else takeover),
        ChildSpec(SCHEDULE_RUNS, DynamicSupervisor, streams, RUN, name=SCHEDULE_RUNS),
        ChildSpec(SCHEDULER, AgentScheduler, settings, name=SCHEDULER),
        *([ChildSpec(PARKED_TURNS, ParkedTurns, name=PARKED_TURNS)] if keeping.park_s is not None else []),
        *_webhooks(settings),
        *([ChildSpec("retention", Retention, retention)] if retention != RetentionSettings() else []),
        *([ChildSpec("garbage_collector", GarbageCollector)] if sliced else []),
    )


def _links(settings: Settings) -> tuple[ChildSpec, ...]:
    """Return the processes that reach other nodes of the cluster. Without a cluster their code is not loaded."""
    if not settings.cluster.enabled:
        return ()
    from agents.cluster.children import link_children

    return link_children(settings)


def _telemetry(settings: Settings) -> tuple[ChildSpec, ...]:
    """Return the process that exports traces and metrics. Without telemetry, OpenTelemetry is not loaded."""
    if not settings.telemetry.enabled:
        return ()
    from agents.telemetry.exported import Exporter

    return (ChildSpec("telemetry", Exporter, settings.telemetry, name="telemetry"),)


def _webhooks(settings: Settings) -> tuple[ChildSpec, ...]:
    """Return the process that sends the messages of webhooks. Raises InvalidArgument if no store keeps them."""
    if not settings.webhooks:
        return ()
    for fault in unkept(settings.webhooks, settings.sessions.durability):
        raise InvalidArgument(f"webhooks: {fault.expected}", fault.got)
    from agents.webhooks.sender import WebhookSender

    return (ChildSpec(WEBHOOKS, WebhookSender, settings.webhooks, name=WEBHOOKS),)


class Application(Pid):
    """The Pid of a running application's root supervisor. Its text says what runs, as in a notebook."""

    __slots__ = ("_root", "_system")

    def __init__(self, root: Pid, system: ProcessSystem) -> None:
        self._root, self._system = root, system
        self.number = root.number

    @property
    def process(self) -> Process | None:  # type: ignore[override]  # the root's own Pid loses it at the root's end
        return self._root.process

    def __repr__(self) -> str:
        if not self.alive:
            return f"understudy {self._root}: ended"
        prefix = name_of("")
        agents = sorted(name.removeprefix(prefix) for name in tuple(self._system.names) if name.startswith(prefix))
        shown = ", ".join([*agents[:SHOWN], *(["..."] if len(agents) > SHOWN else [])]) or "none"
        return f"understudy {self._root}: running; agents: {shown}; `await application.stop()` ends it"

    __str__ = __repr__


class AlreadyRunning(NameTaken):
    """Raised by `start`: the process system has a running application."""

    def __str__(self) -> str:
        return f"an application runs here, as {self.owner}: use it, or end it with `await application.stop()`"


async def start(settings: Settings | None = None) -> Application:
    """Start the tree in the current process system, else in a new one on the running loop.

    Raises InvalidArgument for a value that is not Settings, AlreadyRunning, and StartFailed for a child that did not
    start. Raises NoSystem if several process systems run on this loop and none is the current one. After an error
    nothing runs. Raises PoolUnavailable in a worker process that imports the calling script: the script lacks its
    `if __name__ == "__main__"` guard.
    """
    refuse_inside()
    if settings is not None and not isinstance(settings, Settings):
        raise InvalidArgument("Settings, or None", named(settings), "configuration.load reads a file")
    system = known_system()
    if system is None and not any(each.loop is running_loop() for each in open_systems):
        return await _start_alone(settings)
    return await start_tree(*tree(settings if settings is not None else Settings()))


async def start_tree(flags: Flags, children: Iterable[ChildSpec]) -> Application:
    """Start a tree, as `tree` returns it, in the current process system. Raises the errors of `start`."""
    system = current_system()
    if (running_root := whereis(NAME)) is not None:
        raise AlreadyRunning(NAME, running_root)
    try:
        return Application(await start_supervisor(flags, children, name=NAME), system)
    except StartFailed as failed:
        raise root_cause(failed) from None


async def _start_alone(settings: Settings | None) -> Application:
    """Start the tree in a new process system, which ends at `stop`, or with its loop."""
    block = running(settings)
    system = await block.__aenter__()
    _blocks[system] = block
    return Application(system.names[NAME].pid, system)


async def stop() -> None:
    """End the application of the current process system in order, and the system if `start` made it.

    Outside process systems, end the application that `start` began on this loop. Do nothing if none runs.
    """
    system = known_system() or next((each for each in _blocks if each.loop is running_loop()), None)
    if system is not None and system in _blocks:
        await _blocks[system].__aexit__(None, None, None)
    elif system is not None and (root := whereis(NAME)) is not None:
        await actors.stop(root, SHUTDOWN)


@asynccontextmanager
async def running(settings: Settings | None = None) -> AsyncIterator[AsyncioSystemBase]:
    """Run a process system with the tree on the running loop. At the end of the block all processes end in order."""
    async with AsyncioSystemBase() as system:
        try:
            await start(settings)
            yield system
        finally:
            _blocks.pop(system, None)


def provider_policy(settings: Settings) -> ProviderPolicy:
    """Return the policy of the providers' processes."""
    providers = settings.providers
    breaker = BreakerPolicy(providers.max_failures, providers.open_time / 1000)
    return ProviderPolicy(breaker, providers.idle_time / 1000, providers.max_count)


def _many(limits: RestartLimits) -> DynamicFlags:
    return DynamicFlags(limits.intensity, limits.period)
