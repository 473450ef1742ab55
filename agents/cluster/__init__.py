"""The cluster: nodes that share a store, and what each knows of the others.

nodes, monitor_nodes (judge.py): the other nodes. membership.py, placement.py: pure steps. takeover.py: the turns of
nodes that died.
"""

from agents.cluster.errors import ClusterError, NotInCluster
from agents.cluster.judge import NodeDown, NodeUp, monitor_nodes, nodes

__all__ = ["ClusterError", "NodeDown", "NodeUp", "NotInCluster", "monitor_nodes", "nodes"]
