"""The install's token, 256 bits in a file of the user's own; and what becomes of wrong tokens."""

import os
import secrets
import stat
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from agents.gateway.errors import InvalidToken
from agents.settings.tokens import LENGTH, TOKEN

WRONG_A_SECOND: Final = 10
ADDRESSES: Final = 1024  # that are remembered for wrong tokens


def token_of(path: Path) -> str:
    """The token in the file; if there is none, a new one, in a new file that only its owner may read.

    Raises InvalidToken for a file that others may read or write, or that holds no token.
    """
    if not path.exists():
        _write(path, secrets.token_urlsafe(32))
    return _read(path)


def _write(path: Path, token: str) -> None:
    """The file comes to its name whole; another process's that was first stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with open(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
        file.write(token + "\n")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _read(path: Path) -> str:
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe must not hold the start
    except OSError as error:
        raise InvalidToken(f"{path}: expected a file with the token, got {error.strerror}") from None
    try:
        _check_owned(path, os.fstat(opened))
        token = os.read(opened, 1024).decode("ascii", "replace").strip()
    finally:
        os.close(opened)
    if not TOKEN.fullmatch(token):
        raise InvalidToken(f"{path}: expected one line of at least {LENGTH} of A-Z a-z 0-9 _ -, got something else")
    return token


def _check_owned(path: Path, facts: os.stat_result) -> None:
    mode = stat.S_IMODE(facts.st_mode)
    if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.getuid():
        raise InvalidToken(f"{path}: expected a regular file of this user's own")
    if mode & 0o077:
        raise InvalidToken(f"{path}: expected mode 0600, got {mode:04o}: others can read the token; chmod 600 it")


class WrongTokens:
    """How many wrong tokens came from which address of late. Of the addresses only the last ones are remembered.

    now_s: the clock.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._seen: OrderedDict[str, tuple[float, float]] = OrderedDict()  # how many are left, as of when

    def too_many(self, address: str) -> bool:
        """Count one more. A right token never comes here, so nobody is locked out by what others send."""
        now_s = self._now_s()
        left, then_s = self._seen.pop(address, (float(WRONG_A_SECOND), now_s))
        left = min(WRONG_A_SECOND, left + (now_s - then_s) * WRONG_A_SECOND) - 1
        self._seen[address] = max(left, 0.0), now_s
        if len(self._seen) > ADDRESSES:
            self._seen.popitem(last=False)
        return left < 0
