"""A secret of 256 bits in a file that only its user can read."""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from agents.settings.tokens import LENGTH, TOKEN


class UnsafeFile(Exception):
    """Other users can read or write the file, or it has no valid secret. The text is one line without the secret."""


def secret_in(path: Path, what: str, *, make: bool = True) -> str:
    """Return the secret in the file.

    what: the secret, for the errors. make: if the file does not exist, write a new secret to a new file of mode 0600.
    Raises UnsafeFile.
    """
    if make and not path.exists():
        _write(path, secrets.token_urlsafe(32))
    return _read(path, what)


def _write(path: Path, secret: str) -> None:
    """Create the file with its whole content. A file that another process created first stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with open(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
            file.write(secret + "\n")
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _read(path: Path, what: str) -> str:
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # so that a pipe can't block the start
    except OSError as error:
        raise UnsafeFile(f"{path}: expected a file with {what}, got {error.strerror}") from None
    try:
        _check_owned(path, os.fstat(opened), what)
        secret = os.read(opened, 1024).decode("ascii", "replace").strip()
    finally:
        os.close(opened)
    if not TOKEN.fullmatch(secret):
        raise UnsafeFile(f"{path}: expected one line of at least {LENGTH} of A-Z a-z 0-9 _ -, got something else")
    return secret


def _check_owned(path: Path, facts: os.stat_result, what: str) -> None:
    mode = stat.S_IMODE(facts.st_mode)
    if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.getuid():
        raise UnsafeFile(f"{path}: expected a regular file of this user's own")
    if mode & 0o077:
        raise UnsafeFile(f"{path}: expected mode 0600, got {mode:04o}: others can read {what}; chmod 600 it")
