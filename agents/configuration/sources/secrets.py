"""References to secrets: {env, "NAME"}, or {file, "path"} to a file that only its owner may read."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from agents.configuration.erlang import Atom, Binary, String, Term, Tuple
from agents.configuration.sources.regular_file import UnreadableFile, read
from agents.node.redaction import SECRET_PARAMETER

MAX_BYTES: Final = 64 * 1024
OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class NoSecret(ValueError):
    """Raised for a reference without a usable secret. expected, got: in words, without the secret."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected, self.got = expected, got


def is_reference(term: Term) -> bool:
    match term:
        case Tuple(items=(Atom(name="env" | "file"), String() | Binary())):
            return True
        case _:
            return False


def resolved(reference: Term, environ: Mapping[str, str], folder: Path) -> str:
    """Return the secret. folder: that of the file with the reference. Raises NoSecret."""
    assert isinstance(reference, Tuple)
    kind, where = reference.items
    assert isinstance(kind, Atom)
    name = where.text if isinstance(where, String) else _decoded(where)
    return _of_environment(name, environ) if kind.name == "env" else _of_file(folder / Path(name).expanduser())


def holds_password(address: str) -> bool:
    try:
        parts = urlsplit(address)
        names = [name for name, _ in parse_qsl(parts.query)]
        return parts.password is not None or any(SECRET_PARAMETER.fullmatch(name) for name in names)
    except ValueError:
        return "@" in address


def _of_environment(name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name)
    if value:
        return value
    raise NoSecret(f"{name} in the environment", "none" if value is None else "an empty one")


def _of_file(path: Path) -> str:
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
    return text


def _decoded(term: Term) -> str:
    assert isinstance(term, Binary)
    try:
        return term.data.decode()
    except UnicodeDecodeError:
        raise NoSecret("UTF-8", "other bytes") from None
