"""The process that judges the other nodes of the cluster, and tells of those that come and go.

    for node in await cluster.nodes(): ...
    cluster.monitor_nodes(pid)          # pid gets NodeUp and NodeDown

Each living node looks at the others again and again (membership.py).
"""

from collections.abc import Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from msgspec.structs import replace

from actors import Caller, GenServer, NoReply, Pid, Reply, Request, pg, send, send_after
from actors.log import get_logger
from agents.cluster.counts import NODE_COUNTS
from agents.cluster.errors import NotInCluster
from agents.cluster.membership import NOTHING_SEEN, LeaseTimes, NodeRow, Seen, judged, late
from agents.sessions import SessionError, open_journal

if TYPE_CHECKING:
    from agents.sessions.node_store import NodeStore
    from agents.sessions.nodes import NodeRecord

JUDGE: Final = "judge"

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


class Look(Struct, frozen=True):
    """A reminder to look at the other nodes."""


class GetBeatAges(Struct, Request[dict[int, float]], frozen=True):
    """Get the time since this judge first saw the last beat of each other node, in seconds, by epoch."""


class Judging(Struct, frozen=True):
    """The state of a judge. known: the names of the living nodes. sees: whether the last look succeeded."""

    seen: Seen = NOTHING_SEEN
    known: Mapping[int, str] = {}
    sees: bool = True


class Judge(GenServer[Judging]):
    """The judge of one node."""

    def init(self) -> Judging:
        send(self.pid, Look())
        return Judging()

    def handle_call(self, request: GetBeatAges, caller: Caller, state: Judging) -> Reply[Judging]:
        now_s = monotonic()
        return Reply({epoch: now_s - sighting.since_s for epoch, sighting in state.seen.items()}, state)

    async def handle_info(self, message: Any, state: Judging) -> NoReply[Judging]:
        if not isinstance(message, Look):
            return NoReply(state)
        node = await own_node()
        times = LeaseTimes(node.lease_s)
        try:
            after = await _looked(node, times, state)
        except SessionError as failed:
            if state.sees:
                log.warning("nodes_not_seen", reason=str(failed))
            after = Judging(NOTHING_SEEN, state.known, sees=False)  # a judge has watched as long as it judges by
        if after.sees and not state.sees:
            log.info("nodes_seen_again")
        send_after(times.look_s, self.pid, Look())
        return NoReply(after)


async def _looked(node: "NodeStore", times: LeaseTimes, state: Judging) -> Judging:
    """Look at the other nodes, and declare those dead that are."""
    now_s = monotonic()
    others = {other.epoch: other for other in await node.others()}
    rows = [NodeRow(other.epoch, other.incarnation, other.beat, locked=True) for other in others.values()]
    if delayed := late(state.seen, rows, now_s, times.late_s):
        free = delayed - await node.locked([others[epoch] for epoch in delayed])
        rows = [replace(row, locked=row.epoch not in free) for row in rows]
    sightings, suspects = judged(state.seen, rows, now_s, times.grace_s)
    for suspect in suspects:
        other = others[suspect.epoch]
        if await node.declare_dead(other):
            log.warning("node_declared_dead", node=other.name, epoch=other.epoch)
            NODE_COUNTS.declared_dead += 1
            del others[suspect.epoch]
    now = {epoch: other.name for epoch, other in others.items()}
    _tell(state.known, now)
    if any(other.drains for other in others.values()):
        pg.broadcast(TURNS, TurnsMayBeFree())
    return Judging(sightings, now)


def _tell(before: Mapping[int, str], now: Mapping[int, str]) -> None:
    for epoch in before.keys() - now.keys():
        log.info("node_down", node=before[epoch], epoch=epoch)
        pg.broadcast(GROUP, NodeDown(before[epoch], epoch))
    for epoch in now.keys() - before.keys():
        log.info("node_up", node=now[epoch], epoch=epoch)
        pg.broadcast(GROUP, NodeUp(now[epoch], epoch))
