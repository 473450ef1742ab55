"""The supervisor of agents, known by its name. Erlang: agent_supervisor.

    ChildSpec("agents", AgentSupervisor, DynamicFlags(), template, name=AGENT_SUPERVISOR)    # in the application's tree

    pid = await agent_supervisor.start_agent({"name": "Researcher", "tools": ["web_search", "calculator"]})

What an agent is, only the template knows: the application gives it.
"""

from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from actors import IGNORE, NOPROC, CallFailed, Pid, StartFailed
from supervisors.children import ChildInfo
from supervisors.dynamic_supervisor import DynamicSupervisor, start_child, terminate_child, which_children

AGENT_SUPERVISOR: Final = "agent_supervisor"


class NoApplication(CallFailed):
    def __init__(self) -> None:
        super().__init__(AGENT_SUPERVISOR, NOPROC)

    def __str__(self) -> str:
        return (
            "expected a running application, got none in this system: use `async with application.running():`, or ask "
            "again if it restarts"
        )


async def start_agent(config: Mapping[str, Any], *more: Any) -> Pid:
    """Start an agent with the template's args, config, to which an id is added if it has none, and what more its init
    takes.

    Raises the error with which the agent's init stopped, if it is one (of a bad configuration, or AlreadyStarted);
    else StartFailed, with the reason IGNORE if it did not want to start.
    Raises CallFailed(NOPROC) where no application runs.
    """
    try:
        pid: Pid | None = await start_child(AGENT_SUPERVISOR, {"id": uuid4().hex, **config}, *more)
    except CallFailed as failed:
        if failed.reason is NOPROC:
            raise NoApplication from None
        raise
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
    """Started with DynamicFlags and the template of an agent."""
