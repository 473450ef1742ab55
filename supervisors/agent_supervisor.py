"""The supervisor of agents, known by its name. Erlang: agent_supervisor.

    ChildSpec("agents", AgentSupervisor, DynamicFlags(), template, name=AGENT_SUPERVISOR)    # in the application's tree

    pid = await agent_supervisor.start_agent({"name": "Researcher", "tools": ["web_search", "calculator"]})

What an agent is, only the template knows: the application gives it. So it does with what must be there before an agent
starts, such as the modules of its tools: that is waited for by the caller of start_agent, so that no other agent waits.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias
from uuid import uuid4

from msgspec import Struct

from actors import IGNORE, Caller, CallFailed, InvalidArgument, Pid, Reply, StartFailed, whereis
from actors.kernel.errors import named
from supervisors.api import request
from supervisors.child_spec import ChildSpec
from supervisors.children import ChildInfo
from supervisors.dynamic_supervisor import (
    Brood,
    DynamicSupervisor,
    Template,
    start_child,
    terminate_child,
    which_children,
)
from supervisors.flags import DynamicFlags

AGENT_SUPERVISOR: Final = "agent_supervisor"

NOT_RUNNING: Final = "it does not run here: application.running() and application.start() start it"

Prepare: TypeAlias = Callable[..., Awaitable[None]]
"""Gets what an agent needs, given the arguments of start_agent. What it raises is what start_agent raises."""


class GetPrepare(Struct, frozen=True):
    """Answered with the Prepare of agents, or None."""


class GetConfigs(Struct, frozen=True):
    """Answered with the configuration of each agent that runs or is being restarted."""


async def start_agent(config: Mapping[str, Any], *more: Any) -> Pid:
    """Start an agent with the template's args, config, to which an id is added if it has none, and what more its init
    takes.

    Raises InvalidArgument for a config that is not a mapping; the error with which the agent's init stopped, such as
    InvalidAgentConfig or AlreadyStarted; else StartFailed, with the reason IGNORE if init answered so.
    """
    if not isinstance(config, Mapping):
        raise InvalidArgument("the configuration of an agent as a mapping", named(config), 'as in {"model": "gpt-4o"}')
    config = {"id": uuid4().hex, **config}
    prepare: Prepare | None = await request(_running(), GetPrepare())
    if prepare is not None:
        await prepare(config, *more)
    try:
        pid: Pid | None = await start_child(AGENT_SUPERVISOR, config, *more)
    except StartFailed as failed:
        if isinstance(failed.reason, Exception):
            raise failed.reason from None
        raise
    if pid is None:
        raise StartFailed("agent", IGNORE)
    return pid


async def stop_agent(pid: Pid) -> None:
    """End an agent, orderly if it does so in time; it is not restarted.

    Raises InvalidArgument for a value that is not a Pid, and NotFound for the Pid of another process.
    """
    if not isinstance(pid, Pid):
        raise InvalidArgument("the Pid of an agent", named(pid), "agent_registry.find_agent(id) gives it")
    await terminate_child(_running(), pid)


async def which_agents() -> list[Pid]:
    """The agents that run, in no order."""
    children: list[ChildInfo] = await which_children(_running())
    return [child.pid for child in children if isinstance(child.pid, Pid)]


async def which_configs() -> list[Mapping[str, Any]]:
    """Return the configurations of the agents that run or are being restarted, in no order."""
    configs: list[Mapping[str, Any]] = await request(_running(), GetConfigs())
    return configs


def _running() -> str:
    """The supervisor's name. Raises CallFailed where no application runs."""
    if whereis(AGENT_SUPERVISOR) is None:
        raise CallFailed(AGENT_SUPERVISOR, NOT_RUNNING)
    return AGENT_SUPERVISOR


class AgentSupervisor(DynamicSupervisor):
    """Started with DynamicFlags, the template of an agent, and what prepares its start, if anything."""

    _prepare: Prepare | None = None

    def tree(self, flags: DynamicFlags, agent: ChildSpec, prepare: Prepare | None = None) -> Template:
        self._prepare = prepare
        return flags, agent

    def name_of(self, args: tuple[Any, ...]) -> str:
        config, *_ = args
        return str(config["id"])

    def handle_call(self, request: Any, caller: Caller, state: Brood) -> Reply[Brood] | Awaitable[Reply[Brood]]:
        if isinstance(request, GetPrepare):
            return Reply(self._prepare, state)
        if isinstance(request, GetConfigs):
            return Reply([config for args in (state.running, state.restarting) for config, *_ in args.values()], state)
        return super().handle_call(request, caller, state)
