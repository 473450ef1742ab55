"""The supervisor of agents, known by its name. Erlang: agent_supervisor.

    ChildSpec("agents", AgentSupervisor, DynamicFlags(), template, name=AGENT_SUPERVISOR)    # in the application's tree

    pid = await agent_supervisor.start_agent({"name": "Researcher", "tools": ["web_search", "calculator"]})

The application gives the template of an agent, and a Prepare that loads what an agent needs before its start, such as
the modules of its tools. The caller of start_agent waits for Prepare; other agents do not.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias
from uuid import uuid4

from msgspec import Struct

from actors import IGNORE, Caller, CallFailed, InvalidArgument, Pid, Reply, Request, StartFailed, whereis
from actors.kernel.errors import named
from supervisors.api import request
from supervisors.child_spec import ChildSpec
from supervisors.children import ChildInfo
from supervisors.dynamic_supervisor import (
    DynamicState,
    DynamicSupervisor,
    Template,
    start_child,
    terminate_child,
    which_children,
)
from supervisors.flags import DynamicFlags

__all__ = [
    "AGENT_SUPERVISOR",
    "AgentSupervisor",
    "Prepare",
    "start_agent",
    "stop_agent",
    "which_agents",
    "which_configs",
]

AGENT_SUPERVISOR: Final = "agent_supervisor"

NOT_RUNNING: Final = "no application runs here: start one with application.running() or application.start()"

Prepare: TypeAlias = Callable[..., Awaitable[None]]
"""Loads what an agent needs, given the arguments of start_agent, which raises any exception that this raises."""


class GetPrepare(Struct, Request[Prepare | None], frozen=True):
    """The request for the Prepare of agents. Its reply may be None."""


class GetConfigs(Struct, Request[list[Mapping[str, Any]]], frozen=True):
    """Answered with the configuration of each agent that runs or is being restarted."""


async def start_agent(config: Mapping[str, Any], *more: Any) -> Pid:
    """Start an agent with the template's arguments, config, and further arguments of its init.

    A config without an id gets a random one. Raises InvalidArgument for a config that is not a mapping, and the error
    with which the agent's init stopped, such as InvalidAgentConfig or AlreadyStarted. Any other failure raises
    StartFailed; its reason is IGNORE if init returned IGNORE.
    """
    if not isinstance(config, Mapping):
        raise InvalidArgument("the configuration of an agent as a mapping", named(config), 'as in {"model": "gpt-4o"}')
    config = {"id": uuid4().hex, **config}
    prepare = await request(_running(), GetPrepare())
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
    """Stop an agent, which is not restarted. An agent that does not stop in time is killed.

    Raises InvalidArgument for a value that is not a Pid, and NotFound for the Pid of another process.
    """
    if not isinstance(pid, Pid):
        raise InvalidArgument("the Pid of an agent", named(pid), "agent_registry.find_agent(id) gives it")
    await terminate_child(_running(), pid)


async def which_agents() -> list[Pid]:
    """Return the Pids of the agents that run, in no order."""
    children: list[ChildInfo] = await which_children(_running())
    return [child.pid for child in children if isinstance(child.pid, Pid)]


async def which_configs() -> list[Mapping[str, Any]]:
    """Return the configurations of the agents that run or are being restarted, in no order."""
    return await request(_running(), GetConfigs())


def _running() -> str:
    """Return the supervisor's name. Raises CallFailed where no application runs."""
    if whereis(AGENT_SUPERVISOR) is None:
        raise CallFailed(AGENT_SUPERVISOR, NOT_RUNNING)
    return AGENT_SUPERVISOR


class AgentSupervisor(DynamicSupervisor):
    """The supervisor of all agents, started with DynamicFlags, the template of an agent, and maybe a Prepare.

    The Prepare is the state's `extra`.
    """

    def tree(self, flags: DynamicFlags, agent: ChildSpec, prepare: Prepare | None = None) -> Template:
        return flags, agent, prepare

    def name_of(self, args: tuple[Any, ...]) -> str:
        config, *_ = args
        return str(config["id"])

    def handle_call(
        self, request: Any, caller: Caller, state: DynamicState
    ) -> Reply[DynamicState] | Awaitable[Reply[DynamicState]]:
        if isinstance(request, GetPrepare):
            return Reply(state.extra, state)
        if isinstance(request, GetConfigs):
            return Reply([config for args in (state.running, state.restarting) for config, *_ in args.values()], state)
        return super().handle_call(request, caller, state)
