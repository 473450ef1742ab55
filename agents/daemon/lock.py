"""One daemon per folder: a lock that the kernel releases when its holder ends, for whatever reason.

The file holds a pid, for people to read. Only the kernel's lock on the file counts. A reused pid, or a file that a
crash left behind, therefore locks nobody out.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agents.daemon.errors import CannotStart, InUse


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock within the block; delete the file at its end. Raises InUse, CannotStart."""
    descriptor = _locked_file(path)
    try:
        _write_pid(descriptor, path)
        yield
    finally:
        path.unlink(missing_ok=True)  # while locked: a program that waits then sees that the name is gone
        os.close(descriptor)


def _write_pid(descriptor: int, path: Path) -> None:
    try:
        os.truncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
    except OSError as error:
        raise CannotStart(f"the lock {path} can't be written: {error.strerror or error}") from None


def _locked_file(path: Path) -> int:
    """Return the open file `path` with the lock on it.

    An earlier holder may unlink the file between the open and the lock, so the name is compared afterwards.
    """
    while True:
        descriptor = _opened(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise InUse(f"a daemon runs already with the state directory {path.parent}: pid {holder}") from None
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise CannotStart(f"the lock {path} can't be opened: {error.strerror or error}") from None
