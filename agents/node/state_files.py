"""The files by which a command finds the daemon: its address, and its token."""

import os
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from agents.node.os_process import lives

ADDRESS: Final = "daemon.json"

URL: Final = "UNDERSTUDY_URL"
TOKEN_FILE: Final = "UNDERSTUDY_TOKEN_FILE"  # noqa: S105 (a variable's name)
"""The variables that name another daemon than that of the files."""


class DaemonAddress(Struct, frozen=True):
    """The address of a running daemon.

    process: the identity of its OS process. token_file: the path of its token. certificate: its TLS certificate as PEM;
    None: it does not use TLS.
    """

    url: str
    process: str
    token_file: str
    certificate: str | None = None


def page_with_code(url: str, code: str) -> str:
    """Return the address of a daemon's page with a one-time code. A browser never sends the part after `#`."""
    return f"{url}/#code={code}"


def default_state_dir() -> Path:
    """Return the state directory of this user. Source: XDG Base Directory Specification, $XDG_STATE_HOME."""
    home = os.environ.get("XDG_STATE_HOME", "")
    base = Path(home) if home.startswith("/") else Path.home() / ".local" / "state"
    return base / "understudy"


def address_in(state_dir: Path) -> DaemonAddress | None:
    """Return the address of the daemon that runs with this state directory, or None.

    A killed daemon leaves its file behind. Another program may listen at that address by now, and must not get the
    token.
    """
    try:
        address = msgspec.json.decode((state_dir / ADDRESS).read_bytes(), type=DaemonAddress)
    except (OSError, msgspec.DecodeError, RecursionError):
        return None
    return address if lives(address.process) else None
