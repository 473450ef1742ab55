"""The agents of the configuration: they start with the application, and anew when their supervisor does.

Before those that come back because a crash cut their turn: what the configuration says of an agent goes before what was
kept of it.
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
    """Starts them, and is done. The first that can't be started keeps it from starting, with its reason; but an
    agent whose session is damaged is left out, so that nothing in the store can keep the program from starting."""

    async def init(self, agents: tuple[AgentSettings, ...]) -> Ignore | Error:
        for agent in agents:
            try:
                await start_agent(agent.given())
            except AlreadyStarted:
                continue
            except StoreDamaged as damaged:  # its own session's: the others start
                log.warning("agent_not_started", agent_id=agent.id, reason=str(damaged))
            except Exception as failed:  # noqa: BLE001 (whatever kept it from starting keeps us)
                return Error(failed)
        return IGNORE
