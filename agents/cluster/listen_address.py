"""The addresses of this node for the others: the one to listen on, and the one at which they find it."""

from typing import Final

from agents.cluster.errors import CannotListen, NotSafe
from agents.cluster.link.address import NodeAddress, TcpAddress, UnixAddress, address_of
from agents.cluster.own_node import state_dir
from agents.settings import Settings
from agents.settings.cluster import UNIX

ANY_HOST: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 (compared, not bound)


def listen_address(settings: Settings, epoch: int) -> NodeAddress:
    """Return the address to listen on. Raises NotSafe."""
    if settings.cluster.listen == UNIX:
        return UnixAddress(state_dir(settings) / "nodes" / f"{epoch}.sock")
    return _host_and_port("cluster.listen", settings.cluster.listen)


def advertised(settings: Settings, bound: NodeAddress) -> NodeAddress:
    """Return the address at which other nodes find this one. Raises NotSafe and CannotListen."""
    if settings.cluster.advertise is not None:
        address = _host_and_port("cluster.advertise", settings.cluster.advertise)
        if address.port == 0 or address.host in ANY_HOST:
            raise NotSafe(f"cluster.advertise: expected the host and the port of this node, got {str(address)!r}")
        return address
    if isinstance(bound, TcpAddress) and bound.host in ANY_HOST:
        raise CannotListen(f"cluster.advertise: expected the address of this node, since cluster.listen is {bound}")
    return bound


def _host_and_port(key: str, text: str) -> TcpAddress:
    try:
        address = address_of(text)
    except NotSafe:
        address = None
    if not isinstance(address, TcpAddress):
        raise NotSafe(f"{key}: expected {'unix, or ' * (key == 'cluster.listen')}a host and a port, got {text!r}")
    return address
