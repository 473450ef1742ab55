"""The address at which the daemon listens: checked before anything starts, published afterwards."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from agents.daemon.errors import CannotStart, InUse
from agents.settings import GatewaySettings, Settings

ANY: dict[str, str] = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (not bound here)
"""The loopback address under which a daemon is found that listens on all addresses."""


def check_port(settings: GatewaySettings) -> None:
    """Raise CannotStart if the port can't be bound now.

    The port is released again, so another program may still bind it before the daemon does.
    """
    try:
        socket.create_server((settings.host, settings.port), family=_family(settings)).close()
    except OSError as error:
        raise port_unavailable(settings, error) from None
    except TypeError:  # Python's error for text that no host name can be
        raise CannotStart(f"expected the name or the address of a host, got {settings.host!r}") from None


@contextmanager
def reserved_port(settings: GatewaySettings) -> Iterator[int]:
    """Hold the port within the block for OS processes that listen on it together, and yield it. Raises CannotStart.

    A socket that does not listen gets no connections. SO_REUSEPORT lets only this user's OS processes share the port.
    """
    check_port(settings)
    with socket.socket(_family(settings)) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if holder.family == socket.AF_INET6:
            holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # as create_server does
        try:
            holder.bind((settings.host, settings.port))
        except OSError as error:
            raise port_unavailable(settings, error) from None
        yield holder.getsockname()[1]


def port_unavailable(settings: GatewaySettings, error: OSError) -> CannotStart:
    place = f"{settings.host} port {settings.port}"
    if error.errno == errno.EADDRINUSE:
        return InUse(f"another program listens on {place}: end it, or set gateway.port")
    return CannotStart(f"can't listen on {place}: {error.strerror or error}")


def url_of(settings: Settings, port: int) -> str:
    host = ANY.get(settings.gateway.host, settings.gateway.host)
    scheme = "http" if settings.gateway.tls_certificate is None else "https"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _family(settings: GatewaySettings) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in settings.host else socket.AF_INET
