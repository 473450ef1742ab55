"""The agents of the configuration: they start with the application, and again when their supervisor restarts.

These agents start before those whose turns were cut, so an agent's configuration takes precedence over its kept one.
"""

from actors import IGNORE, Error, GenServer
from actors.log import get_logger
from actors.server.outcomes import Ignore
from agents.sessions import StoreDamaged
from agents.settings.agent import AgentSettings
from supervisors import AlreadyStarted
from supervisors.agent_supervisor import start_agent

log = get_logger("understudy.agents")


class ConfiguredAgents(GenServer[None]):
    """A process that starts the configured agents and ends.

    If an agent can't start, this process fails with the agent's reason. An agent with a damaged session is skipped, so
    that no content of the store can prevent the program's start.
    """

    async def init(self, agents: tuple[AgentSettings, ...]) -> Ignore | Error:
        for agent in agents:
            try:
                await start_agent(agent.given())
            except AlreadyStarted:
                continue
            except StoreDamaged as damaged:  # only this agent's session: the others start
                log.warning("agent_not_started", agent_id=agent.id, reason=str(damaged))
            except Exception as failed:  # noqa: BLE001 (any failure of an agent's start is ours)
                return Error(failed)
        return IGNORE
