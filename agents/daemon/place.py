"""Where the daemon listens: asked for before anything is started, and told to those who look for it."""

import errno
import socket

from agents.daemon.errors import CannotStart, Taken
from agents.settings import GatewaySettings, Settings

ANY: dict[str, str] = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (not bound here)
"""Who listens everywhere is found on loopback."""


def check_place(settings: GatewaySettings) -> None:
    """Raises CannotStart if the port can't be had now. It is not held: what takes it later is told later."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError as error:
        raise no_port(settings, error) from None


def no_port(settings: GatewaySettings, error: OSError) -> CannotStart:
    place = f"{settings.host} port {settings.port}"
    if error.errno == errno.EADDRINUSE:
        return Taken(f"another program listens on {place}: end it, or set gateway.port")
    return CannotStart(f"can't listen on {place}: {error.strerror or error}")


def url_of(settings: Settings, port: int) -> str:
    host = ANY.get(settings.gateway.host, settings.gateway.host)
    scheme = "http" if settings.gateway.tls_certificate is None else "https"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
