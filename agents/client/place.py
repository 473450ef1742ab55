"""Where a daemon is, and its token: as given, or from the files that it leaves in its state directory."""

import ssl
from functools import cache
from pathlib import Path

from msgspec import Struct

from agents.client.errors import NoDaemon
from agents.node.state_files import address_in, default_state_dir


class Place(Struct, frozen=True):
    """certificate: the only one to be trusted, as PEM, whatever host it is for; None: what this machine trusts."""

    url: str
    token: str
    certificate: str | None = None

    @property
    def trust(self) -> ssl.SSLContext | bool:
        """As aiohttp takes it."""
        return True if self.certificate is None else _pinned(self.certificate)


def place_in(state_dir: Path | None = None) -> Place:
    """Of the daemon that has this directory. Raises NoDaemon."""
    folder = state_dir or default_state_dir()
    address = address_in(folder)
    if address is None:
        raise NoDaemon(f"expected a daemon with the state directory {folder}, found none: start one: understudy serve")
    return Place(address.url, token_in(Path(address.token_file)), address.certificate)


def token_in(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "something else"
        raise NoDaemon(f"expected the daemon's token in {path}, got {why}") from None


@cache
def _pinned(pem: str) -> ssl.SSLContext:
    """One context a certificate: connections are kept by it."""
    context = ssl.create_default_context(cadata=pem)
    context.check_hostname = False  # it is for the daemon's public name, and we come over loopback
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # also one that an authority has signed
    return context
