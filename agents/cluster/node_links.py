"""The links of this node, started in the application's tree."""

from typing import Final

from actors import Error
from agents.cluster.errors import ClusterError
from agents.cluster.judge import monitor_nodes
from agents.cluster.links import Links, LinksState
from agents.cluster.own_node import OwnNode
from agents.settings import Settings

LINKS: Final = "links"


class NodeLinks(Links):
    """The links, with the identity that the store gave this node. A start fails with a ClusterError of one line."""

    async def init(self, settings: Settings) -> LinksState | Error:  # type: ignore[override]  # a child of the tree
        try:
            node = await OwnNode.open(settings)
        except ClusterError as failed:
            return Error(failed)
        monitor_nodes(self.pid)
        return LinksState(node.me, node.protection, node.find)
