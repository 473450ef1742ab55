"""The application: its whole tree as data, and its start.

async with application.running():                       # in a program of your own, on its loop
    pid = await agent_supervisor.start_agent({...})

with AsyncioSystemBase() as base:                       # from blocking code, on a thread of its own
    base.run(application.start())
    pid = base.run(agent_supervisor.start_agent({...}))
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from actors import AsyncioSystemBase, InvalidArgument, NoSystem, Pid, StartFailed
from actors.kernel.errors import named
from actors.system.current import known_system
from agents.agent_instance import AgentInstance
from agents.instance.configured_agents import ConfiguredAgents
from agents.instance.tool_modules import load_tools
from agents.instance.turns import HANDLER, STREAM_SUPERVISOR
from agents.instance.waking import Recovery
from agents.llm.breaker import BreakerPolicy
from agents.llm.llm_supervisor import LlmSupervisor
from agents.llm.provider import LLM_SUPERVISOR, ProviderPolicy
from agents.sessions import JOURNAL, Journal
from agents.settings import RestartLimits, Settings
from agents.tools.call_supervisor import CALL, TOOL_SUPERVISOR
from agents.tools.pool import refuse_inside
from agents.tools.pool_server import TOOL_POOL, ToolPool
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

NAME: Final = "understudy"


def tree(settings: Settings) -> tuple[Flags, tuple[ChildSpec, ...]]:
    """Return the whole tree, in start order. Later children rely on earlier ones."""
    agent = ChildSpec("agent", AgentInstance, settings, restart=RestartType.TRANSIENT)
    limits, policy, tools = settings.supervision, provider_policy(settings), settings.tools
    root, streams, agents = limits.understudy, _many(limits.stream_supervisor), limits.agent_supervisor
    each_agent = DynamicFlags(agents.intensity, agents.period, per_child=True)
    prepare = partial(load_tools, settings)
    return Flags(Strategy.REST_FOR_ONE, intensity=root.intensity, period_s=root.period), (
        ChildSpec(CRASH_LOG, CrashLog, name=CRASH_LOG),
        ChildSpec(JOURNAL, Journal, settings.sessions, settings.daemon.state_dir, name=JOURNAL),
        ChildSpec(LLM_SUPERVISOR, LlmSupervisor, policy, _many(limits.llm_supervisor), name=LLM_SUPERVISOR),
        ChildSpec(TOOL_POOL, ToolPool, tools.workers, tools.import_timeout / 1000, name=TOOL_POOL),
        ChildSpec(TOOL_SUPERVISOR, DynamicSupervisor, _many(limits.tool_supervisor), CALL, name=TOOL_SUPERVISOR),
        ChildSpec(STREAM_SUPERVISOR, DynamicSupervisor, streams, HANDLER, name=STREAM_SUPERVISOR),
        ChildSpec(AGENT_SUPERVISOR, AgentSupervisor, each_agent, agent, prepare, name=AGENT_SUPERVISOR),
        ChildSpec("configured_agents", ConfiguredAgents, settings.agents),
        ChildSpec("recovery", Recovery, restart=RestartType.TEMPORARY),
    )


async def start(settings: Settings | None = None) -> Pid:
    """Start the tree in the current process system, and return its root supervisor.

    Raises InvalidArgument for a value that is not Settings, and StartFailed for a child that did not start. Raises
    NoSystem if no process system runs, as in a plain coroutine. After an error nothing runs. Raises PoolUnavailable in
    a worker process that imports the calling script: the script lacks its `if __name__ == "__main__"` guard.
    """
    refuse_inside()
    if settings is not None and not isinstance(settings, Settings):
        raise InvalidArgument("Settings, or None", named(settings), "configuration.load reads a file")
    if known_system() is None:
        raise NoSystem(
            "expected a process system to start the application in, got none: use `async with application.running():`, "
            "which starts one, or from blocking code AsyncioSystemBase().run(application.start())"
        )
    flags, children = tree(settings if settings is not None else Settings())
    try:
        return await start_supervisor(flags, children, name=NAME)
    except StartFailed as failed:
        raise root_cause(failed) from None


@asynccontextmanager
async def running(settings: Settings | None = None) -> AsyncIterator[AsyncioSystemBase]:
    """Run a process system with the tree on the running loop. At the end of the block all processes end in order."""
    async with AsyncioSystemBase() as system:
        await start(settings)
        yield system


def provider_policy(settings: Settings) -> ProviderPolicy:
    providers = settings.providers
    breaker = BreakerPolicy(providers.max_failures, providers.open_time / 1000)
    return ProviderPolicy(breaker, providers.idle_time / 1000, providers.max_count)


def _many(limits: RestartLimits) -> DynamicFlags:
    return DynamicFlags(limits.intensity, limits.period)
