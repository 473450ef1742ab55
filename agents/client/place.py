"""Where a daemon is, and its token: as given, or from the files that it leaves in its state directory."""

from pathlib import Path

from msgspec import Struct

from agents.client.errors import NoDaemon
from agents.state_files import address_in, default_state_dir


class Place(Struct, frozen=True):
    url: str
    token: str


def place_in(state_dir: Path | None = None) -> Place:
    """Of the daemon that has this directory. Raises NoDaemon."""
    folder = state_dir or default_state_dir()
    address = address_in(folder)
    if address is None:
        raise NoDaemon(f"expected a daemon with the state directory {folder}, found none: start one: understudy serve")
    return Place(address.url, token_in(Path(address.token_file)))


def token_in(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "something else"
        raise NoDaemon(f"expected the daemon's token in {path}, got {why}") from None
