"""The MCP servers of an agent: their tools join its own, and change while it runs."""

from msgspec.structs import replace

from actors import Pid
from agents.agent_config import AgentConfig
from agents.mcp.keeper import use
from agents.mcp.tools import BoundTools, asking, recorded
from agents.settings import Settings


async def with_servers(config: AgentConfig, settings: Settings, agent: Pid) -> AgentConfig:
    """Return the configuration with the tools of the agent's servers, which are kept until the agent ends.

    The same holds for the agents of its team. The agent's start has connected to the servers. After a crash of the
    agent they may be down: their calls then fail until they are up.
    """
    if config.team:
        team = {name: await with_servers(each, settings, agent) for name, each in config.team.items()}
        first = next(iter(team.values()))
        changing = replace(config.policy, approval=first.policy.approval, recorded=first.policy.recorded)
        return replace(config, team=team, tools=first.tools, policy=changing)
    if not config.servers:
        return config
    views = [await use(spec, agent) for spec in config.servers]
    tools = BoundTools(config.tools, views, settings.streaming.tool_timeout / 1000, config.on_unknown)
    policy = replace(config.policy, approval=asking(tools), recorded=recorded(tools))
    return replace(config, tools=tools, policy=policy)
