"""The process that continues the turns of nodes that died.

A node that is free takes the next sessions, so the nodes share the work without an agreement. A dead node's idle
sessions stay as they are: the node that is asked for one claims it.
"""

from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from actors import CallFailed, GenServer, NoReply, Pid, Ready, StartFailed, pg, send, send_after
from actors.log import get_logger
from agents.agent_config import InvalidAgentConfig
from agents.cluster.counts import NODE_COUNTS
from agents.cluster.judge import TURNS, NodeDown, TurnsMayBeFree, monitor_nodes, own_node
from agents.instance.configured_agents import start_configured
from agents.instance.recovery import recover
from agents.instance.unstartable import end_cut_turns
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


class TakingOver(Struct, frozen=True):
    """The state. agents: of the configuration, each of which runs on one of the nodes. ahead: as in open_session.

    me: the process.
    """

    agents: tuple[AgentSettings, ...]
    ahead: int
    me: Pid


class Takeover(GenServer[TakingOver]):
    """The takeover of one node."""

    def init(self, agents: tuple[AgentSettings, ...], ahead: int) -> Ready[TakingOver]:
        monitor_nodes(self.pid)
        pg.join(TURNS, self.pid)
        send(self.pid, ContinueTurns())  # what died before this node joined
        return Ready(TakingOver(agents, ahead, self.pid))

    async def handle_info(self, message: Any, state: TakingOver) -> NoReply[TakingOver]:
        if isinstance(message, ContinueTurns | NodeDown | TurnsMayBeFree):
            try:
                await _continue_turns(await own_node(), state, died=not isinstance(message, TurnsMayBeFree))
            except (CallFailed, SessionError) as failed:
                log.warning("turns_not_taken_over", reason=str(failed))
                send_after(AGAIN_S, self.pid, ContinueTurns())
        return NoReply(state)


async def _continue_turns(node: "NodeStore", state: TakingOver, *, died: bool) -> None:
    """Continue the free turns. died: a node may have died with agents of the configuration."""
    while not node.draining and (ids := await node.take_over(AT_ONCE)):
        log.info("sessions_taken_over", count=len(ids))
        NODE_COUNTS.taken_over += len(ids)
        await _interrupt(await recover(ids), state)
        died = True
    if node.draining or not died:
        return
    try:
        await start_configured(state.agents)
    except (InvalidAgentConfig, StartFailed) as failed:
        log.warning("agents_not_started", reason=str(failed))


async def _interrupt(ids: list[str], state: TakingOver) -> None:
    """End the turns of sessions whose agents can't start here. A failure of one does not affect the others."""
    for id_ in ids:
        try:
            await end_cut_turns(id_, state.ahead, state.me)
        except SessionError as failed:
            log.warning("turns_not_interrupted", session=id_, reason=str(failed))
