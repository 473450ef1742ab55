"""The daemon's folder: only its user has access, and only one daemon at a time uses it.

token           the token that requests need
lock            locked by the running daemon; see lock.py
daemon.json     the running daemon's address, for the commands
sessions.db     the store, unless sessions.url names another
files           the folder of file_ops, unless tools.file_ops_root names another; created at the first call
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from agents.daemon.errors import CannotStart
from agents.node.state_files import ADDRESS, DaemonAddress, default_state_dir
from agents.settings import Settings

OTHERS: Final = 0o077


class StateDir(Struct, frozen=True):
    """The folder, checked by state_dir()."""

    path: Path

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    def token_file(self, settings: Settings) -> Path:
        return (settings.gateway.token_file or self.path / "token").absolute()

    @contextmanager
    def published_address(self, address: DaemonAddress) -> Iterator[None]:
        """Publish the address within the block, so that commands find the daemon. Raises CannotStart."""
        try:
            self._publish(address)
        except OSError as error:
            raise CannotStart(f"{self.path / ADDRESS} can't be written: {error.strerror or error}") from None
        try:
            yield
        finally:
            self.forget_address()

    def _publish(self, address: DaemonAddress) -> None:
        """Write the file. A rename makes it appear whole."""
        draft = self.path / f".{ADDRESS}"
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(msgspec.json.encode(address))
        draft.replace(self.path / ADDRESS)

    def forget_address(self) -> None:
        (self.path / ADDRESS).unlink(missing_ok=True)


def state_dir(settings: Settings) -> StateDir:
    """Return the daemon's folder; create it if it is missing.

    Raises CannotStart if the folder can't be used, or if other users have access to it.
    """
    path = (settings.daemon.state_dir or default_state_dir()).absolute()
    try:
        str(path).encode()  # daemon.json holds the path, and JSON holds text only
    except UnicodeEncodeError:
        raise CannotStart(
            f"daemon.state_dir: expected a path that is text in this locale, got {os.fsencode(path)!r}"
        ) from None
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = path.stat()
    except OSError as error:
        raise CannotStart(f"the state directory {path} can't be created: {error.strerror or error}") from None
    if facts.st_uid != os.geteuid():
        raise CannotStart(f"expected a state directory that this user owns, got {path}, owned by uid {facts.st_uid}")
    if facts.st_mode & OTHERS:
        mode = f"{stat.S_IMODE(facts.st_mode):04o}"
        raise CannotStart(f"expected mode 0700 of the state directory {path}, got {mode}: chmod 700 it")
    if not os.access(path, os.W_OK | os.X_OK):
        raise CannotStart(f"the state directory {path} can't be written")
    return StateDir(path)
