"""The process that continues the turns of nodes that died.

A node that is free takes the next sessions, so the nodes share the work without an agreement. A dead node's idle
sessions stay as they are: the node that is asked for one claims it.
"""

from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from actors import CallFailed, GenServer, NoReply, Ready, StartFailed, pg, send, send_after
from actors.log import get_logger
from agents.agent_config import InvalidAgentConfig
from agents.cluster.counts import NODE_COUNTS
from agents.cluster.judge import TURNS, NodeDown, TurnsMayBeFree, monitor_nodes, own_node
from agents.instance.configured_agents import start_configured
from agents.instance.waking import recover
from agents.sessions import SessionError
from agents.settings.agent import AgentSettings

if TYPE_CHECKING:
    from agents.sessions.node_store import NodeStore

AT_ONCE: Final = 20
"""The sessions that a node takes at a time."""

AGAIN_S: Final = 1.0
"""The pause after a failure of the store."""

log = get_logger("understudy.cluster")


class ContinueTurns(Struct, frozen=True):
    """A reminder to continue the turns of dead nodes."""


class Takeover(GenServer[tuple[AgentSettings, ...]]):
    """The takeover of one node. The state: the agents of the configuration, each of which runs on one of the nodes."""

    def init(self, agents: tuple[AgentSettings, ...]) -> Ready[tuple[AgentSettings, ...]]:
        monitor_nodes(self.pid)
        pg.join(TURNS, self.pid)
        send(self.pid, ContinueTurns())  # what died before this node joined
        return Ready(agents)

    async def handle_info(self, message: Any, state: tuple[AgentSettings, ...]) -> NoReply[tuple[AgentSettings, ...]]:
        if isinstance(message, ContinueTurns | NodeDown | TurnsMayBeFree):
            try:
                await _continue_turns(await own_node(), state, died=not isinstance(message, TurnsMayBeFree))
            except (CallFailed, SessionError) as failed:
                log.warning("turns_not_taken_over", reason=str(failed))
                send_after(AGAIN_S, self.pid, ContinueTurns())
        return NoReply(state)


async def _continue_turns(node: "NodeStore", agents: tuple[AgentSettings, ...], *, died: bool) -> None:
    """Continue the free turns. died: a node may have died with agents of the configuration."""
    while not node.draining and (ids := await node.take_over(AT_ONCE)):
        log.info("sessions_taken_over", count=len(ids))
        NODE_COUNTS.taken_over += len(ids)
        await recover(ids)
        died = True
    if node.draining or not died:
        return
    try:
        await start_configured(agents)
    except (InvalidAgentConfig, StartFailed) as failed:
        log.warning("agents_not_started", reason=str(failed))
