"""Reads a file of the user's that may be anything: a pipe that nobody writes to, a folder, a gigabyte."""

import os
import stat
from pathlib import Path


class UnreadableFile(ValueError):
    """Its text says why, in words."""


def read(path: Path, max_bytes: int) -> tuple[bytes, os.stat_result]:
    """What is looked at is what is read, even if the name is another file's meanwhile. Raises UnreadableFile."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise UnreadableFile("no regular file")
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise UnreadableFile(error.strerror) from None
    if len(data) > max_bytes:
        raise UnreadableFile(f"more than {max_bytes} bytes")
    return data, found
