"""The Host and Origin of a request, compared as parsed values and never by prefix."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from msgspec import Struct

from agents.core.faults import Fault, InvalidValue

T = TypeVar("T")

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
PORTS: Final = {"http": 80, "https": 443}

_HOST: Final = re.compile(r"(?:\[(?P<six>[0-9a-f:.]{2,45})\]|(?P<name>[a-z0-9._-]{1,253}))(?::(?P<port>[0-9]{1,5}))?")
_ORIGIN: Final = re.compile(r"(?P<scheme>https?)://(?P<host>.+)")


class Host(Struct, frozen=True):
    """A parsed Host header. port: None if the header has none."""

    name: str
    port: int | None


class Origin(Struct, frozen=True):
    """A parsed Origin header."""

    scheme: str
    name: str
    port: int

    def __str__(self) -> str:
        """Return the origin as browsers write it."""
        name = f"[{self.name}]" if ":" in self.name else self.name
        return f"{self.scheme}://{name}" + ("" if self.port == PORTS[self.scheme] else f":{self.port}")


def host_of(text: str) -> Host | None:
    """Return the host of a Host header, or None if the header is invalid.

    A user, a path, a dot at the end, and other notations of an address are invalid.
    """
    found = _HOST.fullmatch(text.lower())
    if found is None:
        return None
    port = None if found["port"] is None else int(found["port"])
    return Host(found["six"] or found["name"], port) if port is None or 0 < port < 65536 else None


def origin_of(text: str) -> Origin | None:
    """Return the origin of an Origin header, or None if the header is invalid or "null"."""
    found = _ORIGIN.fullmatch(text.lower())
    host = host_of(found["host"]) if found is not None else None
    if found is None or host is None:
        return None
    return Origin(found["scheme"], host.name, host.port or PORTS[found["scheme"]])


class Allowed:
    """The hosts that the gateway serves, and the origins of pages that may call it.

    hosts: in addition to loopback; a host without a port means the gateway's port. origins: in addition to those of the
    hosts.
    """

    def __init__(self, hosts: Iterable[str], origins: Iterable[str]) -> None:
        own = (Host(name, None) for name in LOOPBACK)
        self._hosts = {*own, *_parsed("allowed_hosts", hosts, host_of, "a host")}
        self._origins = {*_parsed("allowed_origins", origins, origin_of, "an origin")}

    def host(self, given: Host, scheme: str, our_port: int | None) -> bool:
        """Return whether the gateway serves this host. our_port: of the connection; None for a socket file."""
        port = given.port or PORTS[scheme]
        return Host(given.name, port) in self._hosts or (
            Host(given.name, None) in self._hosts and our_port in (None, port)
        )

    def origin(self, given: Origin, scheme: str, our_port: int | None) -> bool:
        """Return whether the origin is one of the hosts, or listed."""
        own = given.scheme == scheme and self.host(Host(given.name, given.port), scheme, our_port)
        return own or self.lists(given)

    def lists(self, given: Origin) -> bool:
        """Return whether allowed_origins has the origin."""
        return given in self._origins


def _parsed(key: str, given: Iterable[str], parse: Callable[[str], T | None], expected: str) -> Iterator[T]:
    for number, text in enumerate(given):
        parsed = parse(text)
        if parsed is None:
            raise InvalidValue(Fault((key, number), expected, repr(text)))
        yield parsed
