"""The counts of this node's part in the cluster, since the start of its OS process, for its metrics."""

from typing import Final

from msgspec import Struct


class NodeCounts(Struct):
    """taken_over: sessions of other nodes. handed_over: agents of this node. declared_dead: other nodes."""

    taken_over: int = 0
    handed_over: int = 0
    declared_dead: int = 0


NODE_COUNTS: Final = NodeCounts()
