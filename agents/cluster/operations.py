"""The operation of the cluster: the state of each node, the owners of sessions, and a node that is to be forgotten."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from msgspec import Struct

from actors import call
from agents.cluster.errors import ClusterError
from agents.cluster.judge import JUDGE, GetBeatAges, nodes, own_node
from agents.cluster.node_requests import DescribeNode, NodeFigures
from agents.instance.elsewhere import NoAnswer, UnknownNode, other_nodes

if TYPE_CHECKING:
    from agents.sessions.nodes import NodeRecord


class NodeStatus(Struct, frozen=True):
    """A living node.

    this: whether it gave this answer. state: `up` or `draining`. load: the number of its running turns. agents, links:
    null if it does not answer. beat_age_s: since the last beat that was seen; null for this node, and in SQLite, where
    no beats are sent. alike: whether its configuration has what all nodes should have alike.
    """

    name: str
    epoch: int
    this: bool
    state: str
    load: int
    agents: int | None
    links: int | None
    beat_age_s: float | None
    address: str
    version: str
    alike: bool


class StillAlive(ClusterError):
    """A node can't be forgotten, since it holds its lease."""


async def status() -> list[NodeStatus]:
    """Return the living nodes in the order of their joining. Raises NotInCluster and StoreUnavailable."""
    own, found = await own_node(), await nodes()
    ages = await call(JUDGE, GetBeatAges())
    mine = next((each.config_hash for each in found if each.epoch == own.fence.epoch), "")
    figures = {each.name: await _figures(each) for each in found}
    return [
        NodeStatus(
            name=each.name,
            epoch=each.epoch,
            this=each.epoch == own.fence.epoch,
            state=each.state,
            load=each.load,
            agents=None if (its := figures[each.name]) is None else its.agents,
            links=None if its is None else its.links,
            beat_age_s=ages.get(each.epoch) if each.beat else None,
            address=each.address,
            version=each.version,
            alike=each.config_hash == mine,
        )
        for each in found
    ]


async def owners(session_ids: Collection[str]) -> dict[str, str]:
    """Return the name of the living node that owns each of these sessions. A free session has none."""
    return await (await own_node()).owners(session_ids)


async def forget(name: str) -> None:
    """Declare a node dead that holds no lease. Raises UnknownNode, and StillAlive."""
    own = await own_node()
    others = {other.name: other for other in await own.others()}
    if name not in others:
        raise UnknownNode(name, sorted(others))
    node = others[name]
    if node.epoch in await own.locked([node]) or not await own.declare_dead(node):
        raise StillAlive(f"node {name} lives: stop it, and it leaves")


async def _figures(node: "NodeRecord") -> NodeFigures | None:
    others = await other_nodes()
    if others is None:
        return None
    try:
        figures: NodeFigures = await others.ask(node.name, DescribeNode())
    except (NoAnswer, UnknownNode):
        return None
    return figures
