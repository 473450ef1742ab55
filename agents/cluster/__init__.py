"""The cluster: nodes that share a store, and what each knows of the others.

nodes, monitor_nodes (judge.py): the other nodes. membership.py, placement.py: pure steps. takeover.py: the turns of
nodes that died.

Agents of other nodes: link/ has links between nodes. links.py holds them, and loop.py is that of a node to itself.
relay.py and answering.py are the owner's side. stand_in.py is the asking side, with remote.py (its state),
forwarding.py, follower.py and seeking.py. requests.py, event.py, packing.py: values as bytes. own_node.py: the sessions
of this node. cluster_process.py listens, and starts stand-ins. node_requests.py, asking.py, everywhere.py: requests to
whole nodes.
"""

from agents.cluster.errors import ClusterError, NotInCluster
from agents.cluster.judge import NodeDown, NodeUp, monitor_nodes, nodes

__all__ = ["ClusterError", "NodeDown", "NodeUp", "NotInCluster", "monitor_nodes", "nodes"]
