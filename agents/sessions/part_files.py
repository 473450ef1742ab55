"""The bytes of parts beside a SQLite store: a folder with one file for each hash, which only its owner may read.

A file is written under another name and renamed, so a file with a hash as its name is whole. A crash may leave a file
that no row names; the next program that writes the store removes it.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from re import compile as pattern
from secrets import token_hex
from time import time
from typing import Final, TypeVar

from agents.parts.given import Blobs
from agents.sessions.errors import StoreDamaged
from agents.sessions.location import PRIVATE_FILE, PRIVATE_FOLDER

T = TypeVar("T")

SUFFIX: Final = ".parts"
UNFINISHED: Final = ".new"
UNFINISHED_S: Final = 3600.0  # no write takes so long
_IS_HASH: Final = pattern("[0-9a-f]{64}").fullmatch


class PartFiles:
    """The folder of a store. Its methods besides `in_thread` block, and may raise OSError."""

    def __init__(self, database: Path) -> None:
        self.folder = database.with_name(database.name + SUFFIX)
        self._thread = _new_thread()

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do the work in the folder's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """End the thread after its present work."""
        self._thread.shutdown(wait=False)
        self._thread = _new_thread()

    def add(self, blobs: Blobs) -> None:
        """Write the files that are missing. They are on disk when this returns."""
        missing = {key: data for key, data in blobs.items() if not self._path(key).exists()}
        if not missing:
            return
        self.folder.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
        for key, data in missing.items():
            self._write(key, data)
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def read(self, key: str) -> bytes:
        """Return the bytes with this hash. Raises StoreDamaged."""
        try:
            data = self._path(key).read_bytes()
        except FileNotFoundError:
            raise StoreDamaged(f"the store is damaged: part {key} is missing in {self.folder}") from None
        return checked(key, data)

    def remove(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._path(key).unlink(missing_ok=True)

    def remove_unfinished(self, *, alone: bool = True) -> None:
        """Remove the files that a crash left unfinished. alone: False leaves those that another program may write."""
        for path in self.folder.glob(f"*{UNFINISHED}"):
            with suppress(FileNotFoundError):
                if alone or path.stat().st_mtime < time() - UNFINISHED_S:
                    path.unlink()

    def keys(self) -> Iterator[str]:
        """Yield the hash of each file."""
        with suppress(FileNotFoundError):
            yield from (name for name in os.listdir(self.folder) if _IS_HASH(name))

    def _write(self, key: str, data: bytes) -> None:
        unfinished = self.folder / f"{key}.{token_hex(8)}{UNFINISHED}"  # another program may write the same part
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(self._path(key))

    def _path(self, key: str) -> Path:
        if not _IS_HASH(key):
            raise StoreDamaged(f"the store is damaged: expected the hash of a part, got {key[:80]!r}")
        return self.folder / key


def _new_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "understudy-parts")  # starts its thread at the first use


def checked(key: str, data: bytes) -> bytes:
    """Return the bytes if they have this hash. Raises StoreDamaged."""
    if sha256(data).hexdigest() != key:
        raise StoreDamaged(f"the store is damaged: the bytes of part {key} have changed")
    return data
