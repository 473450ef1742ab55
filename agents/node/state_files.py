"""The files by which a command finds the daemon: where it listens, and its token."""

import os
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from agents.node.os_process import lives

ADDRESS: Final = "daemon.json"


class Address(Struct, frozen=True):
    """Of a daemon that listens. process: which OS process it is. token_file: the path of its token. certificate: what
    it shows, as PEM; None: it speaks no TLS."""

    url: str
    process: str
    token_file: str
    certificate: str | None = None


def default_state_dir() -> Path:
    """Source: XDG Base Directory Specification, $XDG_STATE_HOME."""
    home = os.environ.get("XDG_STATE_HOME", "")
    base = Path(home) if home.startswith("/") else Path.home() / ".local" / "state"
    return base / "understudy"


def address_in(state_dir: Path) -> Address | None:
    """None: there is no daemon. One that was killed has left its file, and somebody else may listen there by now: they
    are not to be sent its token."""
    try:
        address = msgspec.json.decode((state_dir / ADDRESS).read_bytes(), type=Address)
    except (OSError, msgspec.DecodeError, RecursionError):
        return None
    return address if lives(address.process) else None
