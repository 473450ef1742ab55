"""The workspace: the folder that file_ops works in. It stays apart from the daemon's own files.

state folder        the token, the store, the lock, the address: no workspace may hold them, or lie among them
state folder/files  the workspace where the settings name none: made for that, and nothing else is in it
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from agents.node.state_files import default_state_dir
from agents.settings import Settings

FOLDER: Final = "files"


def bound(settings: Settings) -> dict[str, Any]:
    """The host's parameters of file_ops."""
    named = settings.tools.file_ops_root
    root = own_folder(settings) if named is None else named
    denied = [str(_real(path)) for path, _ in _off_limits(settings)]
    return {"root": str(_real(root)), "make": named is None, "denied": denied}


def own_folder(settings: Settings) -> Path:
    """The workspace where the settings name none."""
    return _state_dir(settings) / FOLDER


def misplaced(settings: Settings, files: Iterable[Path] = ()) -> tuple[str, str] | None:
    """Return the expected place of the workspace and its real one; None if it is well placed.

    files: those of the configuration. Folders are compared by their identity, too: a link, a mount or another case in a
    name may lead to the same folder.
    """
    root = _real(settings.tools.file_ops_root or own_folder(settings))
    expected = "a folder apart from the daemon's own files"
    for path, what in (*_off_limits(settings), *((file, "configuration file") for file in files)):
        if _within(_real(path), root):
            return expected, f"{root}, which holds the {what} {path}"
    state = _real(_state_dir(settings))
    if _within(root, state) and not _within(root, state / FOLDER):
        return expected, f"{root}, which lies in the state folder {state}"
    return None


def _off_limits(settings: Settings) -> Iterator[tuple[Path, str]]:
    """The paths that no call may read or write, and what each is."""
    gateway = settings.gateway
    yield _state_dir(settings), "state folder"
    yield gateway.token_file or _state_dir(settings) / "token", "token"
    if gateway.tls_key is not None:
        yield gateway.tls_key, "TLS key"
    if settings.sessions.url is not None:  # else it is in the state folder
        yield from ((path, "store") for path in _store_files(settings.sessions.url))


def _store_files(url: str) -> Iterator[Path]:
    from agents.sessions.errors import StoreUnavailable  # brings the database's library along
    from agents.sessions.location import store_url

    try:
        parsed = store_url(url)
    except StoreUnavailable:  # reported where the store is opened
        return
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        yield from (Path(parsed.database + end) for end in ("", "-wal", "-shm", "-journal"))


def _state_dir(settings: Settings) -> Path:
    return settings.daemon.state_dir or default_state_dir()


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _within(path: Path, folder: Path) -> bool:
    """The path is the folder, or below it. Both are real paths. A path that does not exist has only its name."""
    return any(_same(each, folder) for each in (path, *path.parents))


def _same(one: Path, other: Path) -> bool:
    try:
        return one == other or one.samefile(other)
    except OSError:
        return False
