"""The supervisor of agents, known by its name. Erlang: agent_supervisor.

    ChildSpec("agents", AgentSupervisor, DynamicFlags(), template, name=AGENT_SUPERVISOR)    # in the application's tree

    pid = await agent_supervisor.start_agent({"name": "Researcher", "tools": ["web_search", "calculator"]})

The application gives the template of an agent, and a Prepare that loads what an agent needs before its start, such as
the modules of its tools. The caller of start_agent waits for Prepare; other agents do not.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias
from uuid import uuid4

from msgspec import Struct

from actors import IGNORE, Caller, CallFailed, InvalidArgument, Pid, Reply, Request, StartFailed, whereis
from actors.kernel.errors import named
from supervisors.agent_restarts import AgentRestarts, GetRestarts, NotRestarted, ResetById, restarts_in
from supervisors.api import request
from supervisors.child_spec import ChildSpec
from supervisors.children import ChildInfo
from supervisors.dynamic_supervisor import (
    DynamicState,
    DynamicSupervisor,
    StartDynamicChild,
    StartDynamicChildren,
    Template,
    start_child,
    start_children,
    terminate_child,
    which_children,
)
from supervisors.errors import NotFound
from supervisors.flags import DynamicFlags

__all__ = [
    "AGENT_SUPERVISOR",
    "AgentRestarts",
    "AgentSupervisor",
    "NotRestarted",
    "Prepare",
    "prepare_agent",
    "reset_agent",
    "settled",
    "start_agent",
    "start_agents",
    "stop_agent",
    "which_agents",
    "which_configs",
    "which_restarts",
]

AGENT_SUPERVISOR: Final = "agent_supervisor"

NAME_PREFIX: Final = "agent:"
"""An agent's registered name is its id with this prefix."""

NOT_RUNNING: Final = "no application runs here: start one with application.running() or application.start()"

SETTLED_S: Final = 5.0
"""The longest wait for the restart of an agent: the default timeout of a call."""

NO_AGENT: Final = "no agent of this event loop's application has this id"

Prepare: TypeAlias = Callable[..., Awaitable[None]]
"""Loads what an agent needs, given the arguments of start_agent, which raises any exception that this raises."""


class GetPrepare(Struct, Request[Prepare | None], frozen=True):
    """The request for the Prepare of agents. Its reply may be None."""


class StopById(Struct, Request[None], frozen=True):
    """Answered as TerminateChild. It also cancels the restart of the agent with this id."""

    agent_id: str


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
    child = await _prepared(config, more)
    try:
        started = _started(await start_child(AGENT_SUPERVISOR, *child))
    except StartFailed as failed:
        started = _started(failed)
    if isinstance(started, Exception):
        raise started from None
    return started


async def start_agents(configs: Iterable[Mapping[str, Any]], *more: Any) -> list[Pid | Exception]:
    """Start agents in this order, side by side.

    Return the Pid of each, or the exception that start_agent raises for it. The failure of one does not affect the
    others. Each Prepare waits for the earlier one.
    """
    children: list[tuple[Any, ...] | Exception] = []
    for config in configs:
        try:
            children.append(await _prepared(config, more))
        except Exception as failed:  # noqa: BLE001 (a Prepare may raise any exception, and it is this agent's outcome)
            children.append(failed)
    begin = [child for child in children if isinstance(child, tuple)]
    outcomes = iter(await start_children(AGENT_SUPERVISOR, begin))
    return [_started(next(outcomes) if isinstance(child, tuple) else child) for child in children]


async def prepare_agent(config: Mapping[str, Any], *more: Any) -> None:
    """Load what an agent needs, so that its start need not wait for that. Raises what its Prepare raises."""
    prepare = await request(_running(), GetPrepare())
    if prepare is not None:
        await prepare(config, *more)


async def _prepared(config: Mapping[str, Any], more: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the arguments of the agent's start, after its Prepare."""
    arguments = ({"id": uuid4().hex, **config}, *more)
    await prepare_agent(*arguments)
    return arguments


def _started(outcome: Pid | tuple[Pid, Any] | Exception | None) -> Pid | Exception:
    """Return the agent, or the exception of its start."""
    if isinstance(outcome, StartFailed) and isinstance(outcome.reason, Exception):
        return outcome.reason
    if isinstance(outcome, tuple):
        return outcome[0]
    return StartFailed("agent", IGNORE) if outcome is None else outcome


async def stop_agent(pid: Pid | str) -> None:
    """Stop an agent, given by its Pid or its id. The agent is not restarted, and is killed if it does not stop in time.

    Raises InvalidArgument for any other value, CallFailed for an id that no agent has, and NotFound for the Pid of
    another process.
    """
    if isinstance(pid, str):
        try:
            await request(_running(), StopById(pid))
        except NotFound:
            raise CallFailed(pid, NO_AGENT) from None
    elif isinstance(pid, Pid):
        await terminate_child(_running(), pid)
    else:
        raise InvalidArgument("the Pid or the id of an agent", named(pid), "start_agent returns the Pid")


async def reset_agent(agent_id: str) -> None:
    """Forget the restarts of an agent. If it waits for its restart or is held, it is started at once.

    Raises CallFailed for an id that no agent has.
    """
    try:
        await request(_running(), ResetById(agent_id))
    except NotFound:
        raise CallFailed(agent_id, NO_AGENT) from None


async def which_restarts(agent_id: str | None = None) -> list[AgentRestarts]:
    """Return the restarts of the agents that have crashed, in no order. A stopped agent has none.

    agent_id: only of this agent. The answer comes after the restarts that began before the request.
    """
    return await request(_running(), GetRestarts(agent_id))


async def settled(agent_id: str) -> None:
    """Wait until no restart of this agent is under way. Raises NotRestarted if the agent is held or waits too long."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + SETTLED_S
    while True:
        waits = [each for each in await which_restarts(agent_id) if each.state != "running"]
        if not waits:
            return
        if waits[0].state == "held" or loop.time() + (waits[0].next_s or 0.0) > until_s:
            raise NotRestarted(waits[0])
        await asyncio.sleep(waits[0].next_s or 0.0)


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
            each = (*state.running.values(), *state.restarting.values(), *state.held.values())
            return Reply([config for config, *_ in each], state)
        if isinstance(request, GetRestarts):
            return Reply(list(restarts_in(state, self.process.system.loop.time(), request.agent_id)), state)
        if isinstance(request, StopById | ResetById):
            pid = self.waiting(request.agent_id, state) or whereis(NAME_PREFIX + request.agent_id)
            if pid is None:
                return Reply(NotFound(request.agent_id), state)
            return self.reset_child(pid, state) if isinstance(request, ResetById) else self._terminate_child(pid, state)
        if isinstance(request, StartDynamicChild):
            self.supersede((request.args,), state)
        elif isinstance(request, StartDynamicChildren):
            self.supersede(request.children, state)
        return super().handle_call(request, caller, state)
