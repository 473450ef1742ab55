"""The cluster's part of the application's tree: the links, the stand-ins, and the process that listens."""

from agents.cluster.cluster_process import STAND_INS, ClusterProcess
from agents.cluster.node_links import LINKS, NodeLinks
from agents.cluster.stand_in import StandIn
from agents.instance.elsewhere import CLUSTER
from agents.settings import Settings
from supervisors import ChildSpec, DynamicFlags, DynamicSupervisor, RestartType


def link_children(settings: Settings) -> tuple[ChildSpec, ...]:
    """Return the children, in start order. They come after the agents, which work without them."""
    stand_in = ChildSpec("stand_in", StandIn, restart=RestartType.TEMPORARY)
    return (
        ChildSpec(LINKS, NodeLinks, settings, name=LINKS),
        ChildSpec(STAND_INS, DynamicSupervisor, DynamicFlags(), stand_in, name=STAND_INS),
        ChildSpec(CLUSTER, ClusterProcess, settings, name=CLUSTER),
    )
