"""The agents of the configuration: they start with the application, and again when their supervisor restarts.

They start side by side, so that the store begins their sessions in one write, and before those whose turns were cut. So
an agent's configuration takes precedence over its kept one.
"""

from typing import Final

from actors import IGNORE, Error, GenServer, Pid
from actors.log import get_logger
from actors.server.outcomes import Ignore
from agents.agent_config.kept import give
from agents.sessions import Elsewhere, StoreDamaged, open_journal
from agents.settings.agent import AgentSettings
from supervisors import AlreadyStarted
from supervisors.agent_supervisor import prepare_agent, start_agents

AT_ONCE: Final = 1000  # the most agents that start side by side: each start takes 0.5 ms of the loop

log = get_logger("understudy.agents")


class ConfiguredAgents(GenServer[None]):
    """A process that starts the configured agents and ends.

    If an agent can't start, this process fails with the agent's reason. An agent with a damaged session is skipped, so
    that no content of the store can prevent the program's start.
    """

    async def init(self, agents: tuple[AgentSettings, ...]) -> Ignore | Error:
        try:
            await start_configured(agents)
        except Exception as failed:  # noqa: BLE001 (any failure of an agent's start is ours)
            return Error(failed)
        return IGNORE


async def start_configured(agents: tuple[AgentSettings, ...]) -> None:
    """Start those of these agents that run neither here nor on another node of the cluster.

    Raises the failure of the first agent that can't start.
    """
    others = await _elsewhere(agents)
    for agent in agents:
        if agent.id in others:  # this node may continue its turns later, and then the modules of its tools are loaded
            give(agent.given())
            await prepare_agent(agent.given())
    here = [agent for agent in agents if agent.id not in others]
    for first in range(0, len(here), AT_ONCE):
        some = here[first : first + AT_ONCE]
        started = await start_agents(agent.given() for agent in some)
        for agent, outcome in zip(some, started, strict=True):
            _check(agent, outcome)


async def _elsewhere(agents: tuple[AgentSettings, ...]) -> set[str]:
    """Return the ids of the agents whose sessions another living node owns."""
    journal = await open_journal() if agents else None
    if journal is None or journal.store.node is None:
        return set()
    node = journal.store.node
    owners = await node.owners([agent.id for agent in agents])
    return {id_ for id_, owner in owners.items() if owner != node.name}


def _check(agent: AgentSettings, outcome: Pid | Exception) -> None:
    """Raise the failure of the agent's start, unless the agent runs or has a damaged session."""
    match outcome:
        case StoreDamaged():  # only this agent's session: the others start
            log.warning("agent_not_started", agent_id=agent.id, reason=str(outcome))
        case Exception() if not isinstance(outcome, AlreadyStarted | Elsewhere):
            raise outcome
