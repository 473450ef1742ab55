"""The nodes that links lead to, the addresses at which they listen, and the protection of these addresses.

A link is protected by the folder of a Unix socket, by loopback, or by TLS with certificates of both ends. Any other
address is refused.

    unix:/var/lib/understudy/nodes/7.sock
    10.0.0.4:8766
"""

import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Self, TypeAlias
from urllib.parse import urlsplit

from msgspec import Struct

from agents.cluster.errors import NotSafe
from agents.settings.cluster import UNIX, ClusterSettings


class UnixAddress(Struct, frozen=True):
    path: Path

    def __str__(self) -> str:
        return f"{UNIX}:{self.path}"


class TcpAddress(Struct, frozen=True):
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        try:
            return self.host == "localhost" or ip_address(self.host).is_loopback
        except ValueError:
            return False


NodeAddress: TypeAlias = UnixAddress | TcpAddress


def address_of(text: str) -> NodeAddress:
    """Return the address in its written form. Raises NotSafe for any other text."""
    if text.startswith(f"{UNIX}:/"):
        return UnixAddress(Path(text.removeprefix(f"{UNIX}:")))
    try:
        parts = urlsplit(f"//{text}")
        if parts.hostname and parts.port is not None and parts.netloc == text and "@" not in text:
            return TcpAddress(parts.hostname, parts.port)
    except ValueError:
        pass
    raise NotSafe(f"expected 'unix:/PATH', or a host and a port, got {text!r}")


class PeerNode(Struct, frozen=True):
    """A node, as the store has it. address: None for this node itself. name: for people."""

    epoch: int
    incarnation: str
    address: NodeAddress | None
    name: str = ""

    def __str__(self) -> str:
        return f"node {self.name or self.epoch}"


class Protection(Struct, frozen=True):
    """The TLS contexts of both roles, or None for each without TLS."""

    server: ssl.SSLContext | None = None
    client: ssl.SSLContext | None = None

    @classmethod
    def by(cls, settings: ClusterSettings) -> Self:
        """Return the protection that the settings give. Raises NotSafe."""
        files = settings.tls_certificate, settings.tls_key, settings.tls_ca
        if files == (None, None, None):
            return cls()
        certificate, key, authority = files
        if certificate is None or key is None or authority is None:
            raise NotSafe("expected cluster.tls_certificate, tls_key and tls_ca together, got some of them")
        roles = ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT
        return cls(*(_context(role, certificate, key, authority) for role in roles))

    def check(self, address: NodeAddress) -> None:
        """Raise NotSafe for an address that others can reach without TLS."""
        if isinstance(address, TcpAddress) and not address.loopback and self.server is None:
            raise NotSafe(
                f"expected a Unix socket or a loopback address between nodes, got {str(address)!r}: "
                "set cluster.tls_certificate, tls_key and tls_ca for any other one"
            )


def _context(role: int, certificate: Path, key: Path, authority: Path) -> ssl.SSLContext:
    """Return the context of one role. Both ends must have a certificate of the authority."""

    def passphrase() -> str:
        raise NotSafe(f"expected a key without a passphrase in {key}, got one that has one")

    context = ssl.SSLContext(role)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(certificate, key, passphrase)
        context.load_verify_locations(authority)
    except OSError as error:
        files = f"{certificate}, {key} and {authority}"
        why = (error.reason if isinstance(error, ssl.SSLError) else error.strerror) or "something else"
        raise NotSafe(f"expected a certificate, its key and an authority, as PEM, in {files}, got {why}") from None
    return context
