"""The agents of the configuration: they start with the application, and anew when their supervisor does.

Before those that come back because a crash cut their turn: what the configuration says of an agent goes before what was
kept of it.
"""

from actors import IGNORE, Error, GenServer
from actors.server.outcomes import Ignore
from agents.settings.agent import AgentSettings
from supervisors import AlreadyStarted
from supervisors.agent_supervisor import start_agent


class ConfiguredAgents(GenServer[None]):
    """Starts them, and is done. The first that can't be started keeps it from starting, with its reason."""

    async def init(self, agents: tuple[AgentSettings, ...]) -> Ignore | Error:
        for agent in agents:
            try:
                await start_agent(agent.given())
            except AlreadyStarted:
                continue
            except Exception as failed:  # noqa: BLE001 (whatever kept it from starting keeps us)
                return Error(failed)
        return IGNORE
