"""The packets between a parent and its node, as JSON on a socket pair. A packet is one message."""

from typing import TypeAlias

from msgspec import Struct

from agents.node.state_files import DaemonAddress

PACKET_BYTES = 65536


class NodePing(Struct, frozen=True, tag=True):
    """The parent asks whether the node's event loop runs. Nothing else is sent to a node."""


class NodePong(Struct, frozen=True, tag=True):
    pass


class NodeListens(Struct, frozen=True, tag=True):
    """The node serves clients, and handles signals."""

    address: DaemonAddress


class LoopEnds(Struct, frozen=True, tag=True):
    """The node answers no more pings. It ends soon."""


class NodeRefused(Struct, frozen=True, tag=True):
    """The node can't start, or its application has ended. lines: the reasons, for people."""

    lines: tuple[str, ...]


class StopRequested(Struct, frozen=True, tag=True):
    """A client of the node asked the daemon to stop."""


class ReloadRequested(Struct, frozen=True, tag=True):
    """A client had the node read its configuration again."""


class NodeReloaded(Struct, frozen=True, tag=True):
    """The node has read its configuration again, after SIGHUP."""


Packet: TypeAlias = NodePong | NodeListens | LoopEnds | NodeRefused | StopRequested | ReloadRequested | NodeReloaded
"""All packets that a node sends."""
