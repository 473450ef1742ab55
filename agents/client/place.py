"""The address and the token of a daemon: given, or read from the files in its state directory."""

import ssl
from functools import cache
from pathlib import Path

from msgspec import Struct

from agents.client.errors import NoDaemon, NoToken
from agents.node.state_files import address_in, default_state_dir


class Place(Struct, frozen=True):
    """The address of a daemon, and its token.

    certificate: the only trusted certificate, as PEM, for any host; None: the certificates that this machine trusts.
    """

    url: str
    token: str
    certificate: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def trust(self) -> ssl.SSLContext | bool:
        """The `ssl` argument for aiohttp."""
        return True if self.certificate is None else _pinned(self.certificate)


def place_in(state_dir: Path | None = None, token_file: Path | None = None) -> Place:
    """Return the place of the daemon with this state directory. token_file: with another token than its own.

    Raises NoDaemon.
    """
    folder = state_dir or default_state_dir()
    address = address_in(folder)
    if address is None:
        raise NoDaemon(f"expected a daemon with the state directory {folder}, found none: start one: understudy serve")
    return Place(address.url, token_in(token_file or Path(address.token_file)), address.certificate)


def token_in(path: Path) -> str:
    """Return the token in a file. Raises NoToken."""
    try:
        words = path.read_text(encoding="ascii").split()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "invalid content"
        raise NoToken(f"expected the daemon's token in {path}, got {why}") from None
    if len(words) != 1:
        why = "several words" if words else "an empty file"
        raise NoToken(f"expected the daemon's token in {path}, got {why}")
    return words[0]


@cache
def _pinned(pem: str) -> ssl.SSLContext:
    """Return the context of a certificate. Kept connections belong to a context, so it is made once."""
    context = ssl.create_default_context(cadata=pem)
    context.check_hostname = False  # the certificate has the daemon's public name, and the connection is over loopback
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # also accept a certificate signed by an authority
    return context
