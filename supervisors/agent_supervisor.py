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

from actors import IGNORE, Caller, Pid, Reply, StartFailed
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

Prepare: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Gets what an agent with this configuration needs. What it raises is what start_agent raises."""


class GetPrepare(Struct, frozen=True):
    """Answered with the Prepare of agents, or None."""


async def start_agent(config: Mapping[str, Any], *more: Any) -> Pid:
    """Start an agent with the template's args, config, to which an id is added if it has none, and what more its init
    takes.

    Raises the error with which the agent's init stopped, if it is one (of a bad configuration, or AlreadyStarted);
    else StartFailed, with the reason IGNORE if it did not want to start.
    """
    config = {"id": uuid4().hex, **config}
    prepare: Prepare | None = await request(AGENT_SUPERVISOR, GetPrepare())
    if prepare is not None:
        await prepare(config)
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
    """End an agent, orderly if it does so in time; it is not restarted. Raises NotFound for what is no agent."""
    await terminate_child(AGENT_SUPERVISOR, pid)


async def which_agents() -> list[Pid]:
    """The agents that run, in no order."""
    children: list[ChildInfo] = await which_children(AGENT_SUPERVISOR)
    return [child.pid for child in children if isinstance(child.pid, Pid)]


class AgentSupervisor(DynamicSupervisor):
    """Started with DynamicFlags, the template of an agent, and what prepares its start, if anything."""

    _prepare: Prepare | None = None

    def tree(self, flags: DynamicFlags, agent: ChildSpec, prepare: Prepare | None = None) -> Template:
        self._prepare = prepare
        return flags, agent

    def handle_call(self, request: Any, caller: Caller, state: Brood) -> Reply[Brood] | Awaitable[Reply[Brood]]:
        if isinstance(request, GetPrepare):
            return Reply(self._prepare, state)
        return super().handle_call(request, caller, state)
