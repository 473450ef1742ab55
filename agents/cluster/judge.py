"""The process that judges the other nodes of the cluster, and tells of those that come and go.

    for node in await cluster.nodes(): ...
    cluster.monitor_nodes(pid)          # pid gets NodeUp and NodeDown

Each living node looks at the others again and again (membership.py).
"""

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from actors import Pid, Task, pg
from actors.log import get_logger
from agents.cluster.errors import NotInCluster
from agents.cluster.membership import NOTHING_SEEN, LeaseTimes, NodeRow, Seen, judged
from agents.sessions import SessionError, open_journal

if TYPE_CHECKING:
    from agents.sessions.node_store import NodeStore, SeenNode
    from agents.sessions.nodes import NodeRecord

GROUP: Final = ("cluster", "nodes")
"""The processes that get NodeUp and NodeDown."""

TURNS: Final = ("cluster", "turns")
"""The processes that get TurnsMayBeFree."""

log = get_logger("understudy.cluster")


class NodeUp(Struct, frozen=True):
    """A message: another node has joined, or is seen for the first time. epoch: of its start."""

    name: str
    epoch: int


class NodeDown(Struct, frozen=True):
    """A message: another node has left, or was declared dead. epoch: of its start."""

    name: str
    epoch: int


class TurnsMayBeFree(Struct, frozen=True):
    """A message at each look while another node drains: it may have handed over its turns."""


async def nodes() -> "list[NodeRecord]":
    """Return the living nodes of this application's cluster, this node too.

    Erlang: erlang:nodes/0, with node/0. Raises NotInCluster, and StoreUnavailable if the store can't be read.
    """
    return await (await own_node()).nodes()


def monitor_nodes(subscriber: Pid) -> None:
    """Send the subscriber NodeUp and NodeDown from now on, until it ends. Erlang: net_kernel:monitor_nodes/1."""
    pg.join(GROUP, subscriber)


async def own_node() -> "NodeStore":
    """Return the store of this node. Raises NotInCluster."""
    journal = await open_journal()
    if journal is None or journal.store.node is None:
        raise NotInCluster("this program is in no cluster: cluster.enabled is false")
    return journal.store.node


class Judge(Task):
    """The judge of one node."""

    def __init__(self) -> None:
        self._seen: Seen = NOTHING_SEEN
        self._known: dict[int, str] = {}
        self._sees = True

    async def run(self) -> None:
        node = await own_node()
        times = LeaseTimes(node.lease_s)
        while True:
            try:
                await self._look(node, times)
            except SessionError as failed:
                self._seen = NOTHING_SEEN  # a judge has watched as long as it judges by
                if self._sees:
                    log.warning("nodes_not_seen", reason=str(failed))
                self._sees = False
            else:
                if not self._sees:
                    log.info("nodes_seen_again")
                self._sees = True
            await asyncio.sleep(times.look_s)

    async def _look(self, node: "NodeStore", times: LeaseTimes) -> None:
        now_s = monotonic()
        others = {seen.node.epoch: seen for seen in await node.others()}
        self._seen, suspects = judged(self._seen, map(_row, others.values()), now_s, times.grace_s)
        for suspect in suspects:
            other = others[suspect.epoch].node
            if await node.declare_dead(other):
                log.warning("node_declared_dead", node=other.name, epoch=other.epoch)
                del others[suspect.epoch]
        self._tell({epoch: seen.node.name for epoch, seen in others.items()})
        if any(seen.node.drains for seen in others.values()):
            pg.broadcast(TURNS, TurnsMayBeFree())

    def _tell(self, now: dict[int, str]) -> None:
        before, self._known = self._known, now
        for epoch in before.keys() - now.keys():
            log.info("node_down", node=before[epoch], epoch=epoch)
            pg.broadcast(GROUP, NodeDown(before[epoch], epoch))
        for epoch in now.keys() - before.keys():
            log.info("node_up", node=now[epoch], epoch=epoch)
            pg.broadcast(GROUP, NodeUp(now[epoch], epoch))


def _row(seen: "SeenNode") -> NodeRow:
    return NodeRow(seen.node.epoch, seen.node.incarnation, seen.node.beat, seen.locked)
