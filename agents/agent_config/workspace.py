"""The workspace: the folder that file_ops works in. It stays apart from the daemon's own files.

state directory        has the token, the store, the lock and the address: no workspace may contain it, or be in it
state directory/files  the default workspace: a folder that contains nothing else
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from agents.core.faults import Fault
from agents.node.state_files import default_state_dir
from agents.settings import Settings

FOLDER: Final = "files"
ROOT: Final = ("tools", "file_ops_root")
"""The key of the workspace in the settings."""


def bound(settings: Settings) -> dict[str, Any]:
    """Return the host's parameters of file_ops."""
    named = settings.tools.file_ops_root
    root = own_folder(settings) if named is None else named
    denied = [str(_real(path)) for path, _ in _off_limits(settings)]
    return {"root": str(_real(root)), "make": named is None, "denied": denied}


def own_folder(settings: Settings) -> Path:
    """Return the default workspace."""
    return _state_dir(settings) / FOLDER


def misplaced(settings: Settings, files: Iterable[Path] = ()) -> Fault | None:
    """Return the fault of the workspace's place; None if it is well placed.

    files: those of the configuration. Folders are also compared by identity: a link, a mount or a name in another case
    may lead to the same folder.
    """
    root = _real(settings.tools.file_ops_root or own_folder(settings))
    expected = "a folder apart from the daemon's own files"
    for path, what in (*_off_limits(settings), *((file, "configuration file") for file in files)):
        if _within(_real(path), root):
            return Fault(ROOT, expected, f"{root}, which holds the {what} {path}")
    state = _real(_state_dir(settings))
    if _within(root, state) and not _within(root, state / FOLDER):
        return Fault(ROOT, expected, f"{root}, which lies in the state directory {state}")
    return None


def _off_limits(settings: Settings) -> Iterator[tuple[Path, str]]:
    """Yield the paths that no call may read or write, each with its description."""
    gateway = settings.gateway
    yield _state_dir(settings), "state directory"
    yield gateway.token_file or _state_dir(settings) / "token", "token"
    if gateway.tls_key is not None:
        yield gateway.tls_key, "TLS key"
    if settings.sessions.url is not None:  # else it is in the state directory
        yield from ((path, "store") for path in _store_files(settings.sessions.url))


def _store_files(url: str) -> Iterator[Path]:
    from agents.sessions.errors import StoreUnavailable  # imports the database's library
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
    """Return whether the path is the folder or below it. Both are real paths. A missing path is compared by name."""
    return any(_same(each, folder) for each in (path, *path.parents))


def _same(one: Path, other: Path) -> bool:
    try:
        return one == other or one.samefile(other)
    except OSError:
        return False


def host_values(settings: Settings, tool: str) -> Mapping[str, Any]:
    """Return the parameters of a built-in tool that the host sets. The model can neither read nor set these."""
    match tool:
        case "file_ops":
            return bound(settings)
        case "web_search":
            return {"endpoint": settings.tools.web_search_endpoint or ""}
        case "ask_user":
            return {"timeout_s": settings.tools.answer_timeout / 1000}
        case _:
            return {}
