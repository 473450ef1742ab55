"""The daemon's own folder: nobody else may look into it, and one daemon at a time has it.

token           what every request needs
lock            held by the daemon that lives; see lock.py
daemon.json     where that one listens, for the commands
sessions.db     the store, where the configuration names no other
files           the folder of file_ops, where the configuration names no other; made at its first call
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
from agents.node.state_files import ADDRESS, Address, default_state_dir
from agents.settings import Settings

OTHERS: Final = 0o077


class StateDir(Struct, frozen=True):
    path: Path

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    def token_file(self, settings: Settings) -> Path:
        return (settings.gateway.token_file or self.path / "token").absolute()

    @contextmanager
    def address_told(self, address: Address) -> Iterator[None]:
        """Within the block, commands find the daemon. The file comes to its name whole."""
        file, draft = self.path / ADDRESS, self.path / f".{ADDRESS}"
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(msgspec.json.encode(address))
        draft.replace(file)
        try:
            yield
        finally:
            self.forget_address()

    def forget_address(self) -> None:
        (self.path / ADDRESS).unlink(missing_ok=True)


def state_dir(settings: Settings) -> StateDir:
    """The folder, made if need be. Raises CannotStart if it can't be used, or others may look into it."""
    path = (settings.daemon.state_dir or default_state_dir()).absolute()
    try:
        str(path).encode()  # commands find the daemon by a file of JSON that names the folder
    except UnicodeEncodeError:
        raise CannotStart(
            f"daemon.state_dir: expected a path of text in this locale, got {os.fsencode(path)!r}"
        ) from None
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = path.stat()
    except OSError as error:
        raise CannotStart(f"the state directory {path} can't be made: {error.strerror or error}") from None
    if facts.st_uid != os.geteuid():
        raise CannotStart(f"expected a state directory of this user's own, got {path} of user {facts.st_uid}")
    if facts.st_mode & OTHERS:
        mode = f"{stat.S_IMODE(facts.st_mode):04o}"
        raise CannotStart(f"expected mode 0700 of the state directory {path}, got {mode}: chmod 700 it")
    if not os.access(path, os.W_OK | os.X_OK):
        raise CannotStart(f"the state directory {path} can't be written")
    return StateDir(path)
