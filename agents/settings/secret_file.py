"""Files with a secret, which only their owner may read."""

import os
import stat
from pathlib import Path
from typing import Final

from agents.llm.key import KeySource, NoKey, usable
from agents.settings.regular_file import UnreadableFile, read

MAX_BYTES: Final = 64 * 1024
OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class NoSecret(ValueError):
    """Raised for a reference without a usable secret. expected, got: in words, without the secret."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected, self.got = expected, got


def secret_in(path: Path) -> str:
    """Return the secret in a file. Raises NoSecret."""
    return _read(path)[0]


def _read(path: Path) -> tuple[str, os.stat_result]:
    try:
        data, found = read(path, MAX_BYTES)
        text = data.decode().removesuffix("\n").removesuffix("\r")
    except UnreadableFile as failed:
        raise NoSecret(f"a readable file at {path}", str(failed)) from None
    except UnicodeDecodeError:
        raise NoSecret(f"UTF-8 in {path}", "other bytes") from None
    if found.st_mode & OTHERS:
        raise NoSecret(f"mode 0600 of {path}, which others could read", f"{stat.S_IMODE(found.st_mode):04o}")
    if found.st_uid not in {0, os.geteuid()}:
        raise NoSecret(f"{path} to be ours", f"a file of user {found.st_uid}")
    if not text:
        raise NoSecret(f"a secret in {path}", "an empty file")
    return text, found


class FileKey(KeySource):
    """An API key in a file. The file is read again when it has changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version: tuple[int, ...] | None = None
        self._key = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FileKey) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    async def read(self, *, again: bool) -> str:
        return self.read_now(again=again)

    def read_now(self, *, again: bool = False) -> str:
        """Return the key. again: read the file even if it seems unchanged. Raises NoKey."""
        try:
            if again or self._version is None or _version(self.path.stat()) != self._version:
                key, found = _read(self.path)
                self._key, self._version = usable(key), _version(found)
        except (NoSecret, OSError) as failed:
            reason = failed if isinstance(failed, NoSecret) else f"expected {self.path}, got {failed.strerror}"
            raise NoKey(str(reason)) from None
        return self._key


def _version(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size
