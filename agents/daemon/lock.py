"""One daemon a folder: a lock that the kernel gives back when its holder ends, however it ends.

The file holds a pid, for people. What counts is the kernel's lock on it, so a pid that came back as another process's,
or a file that a crash has left, locks nobody out.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agents.daemon.errors import CannotStart, Taken


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Within the block the lock is ours; behind it the file is gone. Raises Taken, CannotStart."""
    descriptor = _taken(path)
    try:
        os.truncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is locked: who waits for it looks whether it is still the file
        os.close(descriptor)


def _taken(path: Path) -> int:
    """An open file with the lock on it, and with that name: the one before may be unlinked between open and lock."""
    while True:
        descriptor = _opened(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise Taken(f"a daemon runs already with the state directory {path.parent}: pid {holder}") from None
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise CannotStart(f"the lock {path} can't be opened: {error.strerror or error}") from None
