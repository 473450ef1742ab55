"""News of the other nodes, for the processes of this node that use them."""

from typing import Final

from msgspec import Struct

from actors import send, whereis

LINKS: Final = "links"
"""The name of the process that holds the links."""


class NodeGone(Struct, frozen=True):
    """A node has left, or was declared dead. A link to it may look alive for seconds."""

    epoch: int


def tell_gone(epoch: int) -> None:
    """Let this node end its link to a node that is gone."""
    if whereis(LINKS) is not None:
        send(LINKS, NodeGone(epoch))
