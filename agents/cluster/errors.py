"""The errors of a cluster. `str()` gives one line for a person, without a secret.

ClusterError
├── NotSafe                 others could read or forge the messages between nodes
├── CannotListen            the address for other nodes can't be used
├── NotInCluster            this program has no place in a cluster
└── LinkError               about one link
    ├── Unreachable         the peer could not be connected
    ├── HandshakeRefused    the peer is of another cluster, has another secret, or is not the expected node
    ├── Garbage             a frame that no node sends
    └── TooLarge            a message that is too large for a link
"""


class ClusterError(Exception):
    """The base class of errors of a cluster."""


class NotSafe(ClusterError):
    """The settings would leave the messages between nodes without protection."""


class CannotListen(ClusterError):
    """The address for other nodes can't be used."""


class NotInCluster(ClusterError):
    """This program has no place in a cluster: it keeps no sessions, or its journal is being restarted."""


class LinkError(ClusterError):
    """The base class of errors of one link."""


class Unreachable(LinkError):
    """The peer could not be connected, or the connection broke during the handshake."""


class HandshakeRefused(LinkError):
    """The peer's greeting is not one that this node accepts."""


class Garbage(LinkError):
    """A frame that no node sends."""


class TooLarge(LinkError):
    """A message that is too large for a link."""
