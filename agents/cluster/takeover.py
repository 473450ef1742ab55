"""The process that judges the other nodes, and continues the turns of those that died.

It looks at the other nodes again and again (membership.py). Each living node does so. A node that is free takes the
next sessions, so the nodes share the work without an agreement. A dead node's idle sessions stay as they are: the node
that is asked for one claims it.
"""

import asyncio
from time import monotonic
from typing import Final

from actors import CallFailed, StartFailed, Task
from actors.log import get_logger
from agents.agent_config import InvalidAgentConfig
from agents.cluster.membership import NOTHING_SEEN, LeaseTimes, NodeRow, Seen, judged
from agents.instance.configured_agents import start_configured
from agents.instance.waking import recover
from agents.sessions import SessionError, open_journal
from agents.sessions.node_store import NodeStore, SeenNode
from agents.settings.agent import AgentSettings

AT_ONCE: Final = 20
"""The sessions that a node takes at a time."""

log = get_logger("understudy.cluster")


class Takeover(Task):
    """The takeover of one node. agents: those of the configuration, which run on one of the nodes."""

    def __init__(self, agents: tuple[AgentSettings, ...]) -> None:
        self._agents = agents
        self._seen: Seen = NOTHING_SEEN
        self._names: dict[int, str] = {}

    async def run(self) -> None:
        node = None
        while node is None:
            journal = await open_journal()
            node = None if journal is None else journal.store.node
        times, died = LeaseTimes(node.lease_s), True
        while True:
            try:
                died = await self._look(node, times) or died
                if died:
                    await self._continue_turns(node)
                    died = False
            except SessionError as failed:
                log.warning("nodes_not_seen", reason=str(failed))
                self._seen = NOTHING_SEEN  # a judge has watched as long as it judges by
            await asyncio.sleep(times.look_s)

    async def _look(self, node: NodeStore, times: LeaseTimes) -> bool:
        """Judge the other nodes. Return whether one has ended since the last look."""
        now_s = monotonic()
        others = {seen.node.epoch: seen for seen in await node.others()}
        self._seen, suspects = judged(self._seen, map(_row, others.values()), now_s, times.grace_s)
        for suspect in suspects:
            other = others[suspect.epoch].node
            if await node.declare_dead(other):
                log.warning("node_declared_dead", node=other.name, epoch=other.epoch)
                del others[suspect.epoch]
        gone = self._names.keys() - others.keys()
        for epoch in gone:
            log.info("node_down", node=self._names[epoch], epoch=epoch)
        for epoch in others.keys() - self._names.keys():
            log.info("node_up", node=others[epoch].node.name, epoch=epoch)
        self._names = {epoch: seen.node.name for epoch, seen in others.items()}
        return bool(gone)

    async def _continue_turns(self, node: NodeStore) -> None:
        while ids := await node.take_over(AT_ONCE):
            log.info("sessions_taken_over", count=len(ids))
            await recover(ids)
        try:
            await start_configured(self._agents)
        except (CallFailed, InvalidAgentConfig, StartFailed) as failed:
            log.warning("agents_not_started", reason=str(failed))


def _row(seen: SeenNode) -> NodeRow:
    return NodeRow(seen.node.epoch, seen.node.incarnation, seen.node.beat, seen.locked)
