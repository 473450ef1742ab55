"""The node on which a session wakes: the node that was asked, unless it drains or has clearly more load than others.

An agent on its client's node costs no forwarding. The less loaded of two nodes drawn by chance is near the best one,
and no two nodes have to agree on a table.
"""

from collections.abc import Sequence
from random import Random
from statistics import fmean
from typing import Final

from msgspec import Struct

FACTOR: Final = 1.25
SLACK: Final = 8
DRAWN: Final = 2


class NodeLoad(Struct, frozen=True):
    """A living node. load: the number of its running turns. draining: whether it accepts no more sessions."""

    epoch: int
    load: int
    draining: bool = False


def place(here: NodeLoad, others: Sequence[NodeLoad], chance: Random) -> NodeLoad | None:
    """Return the node on which a session wakes, or None if every node drains.

    here: the node that was asked. others: the other living nodes.
    """
    open_ = [each for each in others if not each.draining]
    if not open_:
        return None if here.draining else here
    if not here.draining and here.load <= most_load((here, *open_)):
        return here
    best = min(chance.sample(open_, min(DRAWN, len(open_))), key=_load)
    return best if here.draining or best.load < here.load else here


def most_load(nodes: Sequence[NodeLoad]) -> float:
    """Return the load up to which a node keeps the sessions that it is asked for."""
    return FACTOR * fmean(map(_load, nodes)) + SLACK


def _load(node: NodeLoad) -> int:
    return node.load
