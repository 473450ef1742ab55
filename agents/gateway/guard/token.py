"""The install's token, 256 bits in a private file; and the limit on wrong tokens."""

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
ADDRESSES: Final = 1024  # remembered at a time


def token_of(path: Path) -> str:
    """Return the token in the file. If the file does not exist, write a new token to a new file of mode 0600.

    Raises InvalidToken if other users can read or write the file, or if it has no valid token.
    """
    if not path.exists():
        _write(path, secrets.token_urlsafe(32))
    return _read(path)


def _write(path: Path, token: str) -> None:
    """Create the file with its whole content. A file that another process created first stays."""
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
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # so that a pipe can't block the start
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
    """The recent wrong tokens of each address. Only the last ADDRESSES addresses are remembered.

    now_s: the clock.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._seen: OrderedDict[str, tuple[float, float]] = OrderedDict()  # address -> (tokens left, at this time)

    def too_many(self, address: str) -> bool:
        """Count a wrong token, and return whether the address has sent too many.

        A right token is never counted, so other clients at an address can't lock a user out.
        """
        now_s = self._now_s()
        left, then_s = self._seen.pop(address, (float(WRONG_A_SECOND), now_s))
        left = min(WRONG_A_SECOND, left + (now_s - then_s) * WRONG_A_SECOND) - 1
        self._seen[address] = max(left, 0.0), now_s
        if len(self._seen) > ADDRESSES:
            self._seen.popitem(last=False)
        return left < 0
