"""Read a user's file that may be anything: a pipe without a writer, a folder, a gigabyte."""

import os
import stat
from pathlib import Path


class UnreadableFile(ValueError):
    """Raised for a file that can't be read. The text says what is there instead."""


def read(path: Path, max_bytes: int) -> tuple[bytes, os.stat_result]:
    """Return the content.

    The checked file is the file that is read, even if its name changes. Raises UnreadableFile.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise UnreadableFile("something else than a regular file")
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise UnreadableFile(_found(error)) from None
    if len(data) > max_bytes:
        raise UnreadableFile(f"more than {max_bytes} bytes")
    return data, found


def _found(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return f"none ({error.strerror})"
        case IsADirectoryError():
            return "a directory"
        case _:
            return f"an error ({error.strerror})"
