"""The application: its whole tree as data, and how it is started.

async with application.running():                       # in a program of your own, on its loop
    pid = await agent_supervisor.start_agent({...})

with AsyncioSystemBase() as base:                       # from blocking code, on a thread of its own
    base.run(application.start())
    pid = base.run(agent_supervisor.start_agent({...}))
"""

from supervisors.agent_supervisor import AGENT_SUPERVISOR, AgentSupervisor

from agents.agent_instance import STREAM_SUPERVISOR
from agents.llm.clients import NAME as LLM_CLIENTS
from agents.llm.clients import LlmClients
from agents.settings import Settings
from agents.tools.executor import TOOL_SUPERVISOR, call_supervisor
from agents.tools.pool_server import NAME as TOOL_POOL
from agents.tools.pool_server import ToolPool
from supervisors import ChildSpec, DynamicSupervisor, Flags, Strategy

NAME = "understudy"


def tree(settings: Settings) -> tuple[Flags, tuple[ChildSpec, ...]]:
    """The whole system, in start order. Later children rely on earlier ones."""
    return Flags(Strategy.REST_FOR_ONE, intensity=3, period_s=5), (
        ChildSpec(LLM_CLIENTS, LlmClients, name=LLM_CLIENTS),
        ChildSpec(TOOL_POOL, ToolPool, settings.tools.workers, name=TOOL_POOL),
        ChildSpec(TOOL_SUPERVISOR, DynamicSupervisor, call_supervisor(), name=TOOL_SUPERVISOR),
        ChildSpec(STREAM_SUPERVISOR, DynamicSupervisor, stream_handler(), name=STREAM_SUPERVISOR),
        ChildSpec(AGENT_SUPERVISOR, AgentSupervisor, agent(settings), name=AGENT_SUPERVISOR),
    )
