"""The place of a store: its URL, as SQLAlchemy spells it, and for SQLite its file, which only its owner may read."""

import os
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from agents.node.state_files import default_state_dir
from agents.sessions.errors import InvalidStoreUrl

FILE: Final = "sessions.db"
DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
PRIVATE_FILE: Final = 0o600
PRIVATE_FOLDER: Final = 0o700


def store_url(url: str | None, state_dir: Path | None = None) -> URL:
    """Return the store's URL. url: as in the settings.

    Raises InvalidStoreUrl if the URL does not name a supported store.
    """
    if url is None:
        path = (state_dir or default_state_dir()) / FILE
        return URL.create(DRIVERS["sqlite"], database=str(path.absolute()))
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise InvalidStoreUrl("expected the store's URL as sqlite:///FILE or postgresql://..., got another") from None
    backend = parsed.get_backend_name()
    if backend not in DRIVERS or parsed.drivername not in (backend, DRIVERS[backend]):
        expected = " or ".join(sorted({*DRIVERS, *DRIVERS.values()}))
        raise InvalidStoreUrl(f"expected a store's URL that begins with {expected}, got {parsed.drivername!r}")
    if backend == "sqlite":
        return URL.create(DRIVERS[backend], database=str(_file_in(url)))
    return parsed.set(drivername=DRIVERS[backend])


def _file_in(url: str) -> Path:
    """Return the literal path after the three slashes. SQLAlchemy would read parts of it as escapes and options.

    An escape is decoded if only the decoded folder exists, since users write such a URL in either form.
    """
    _, _, path = url.partition("://")
    if "?" in path:
        raise InvalidStoreUrl("expected a store's URL as sqlite:///FILE, without options, got one with '?': write %3F")
    if not path.startswith("/") or path in ("/", "/:memory:"):
        raise InvalidStoreUrl("expected the file of a SQLite store, as sqlite:///FILE, got none")
    literal, decoded = Path(path[1:]).absolute(), Path(unquote(path[1:])).absolute()
    if literal == decoded:
        return literal
    found = [each for each in (literal, decoded) if os.path.isdir(each.parent)]
    if len({each.parent for each in (literal, decoded)}) == 1:
        found = [each for each in (literal, decoded) if os.path.exists(each)]
    if len(found) != 1:
        raise InvalidStoreUrl(
            f"expected a store's URL that names one file, got {str(literal)!r}, which may also be {str(decoded)!r}: "
            "make its folder first, or name a file without '%'"
        )
    return found[0]


def shown(url: URL) -> str:
    """Return the URL for people, without the password."""
    return url.render_as_string(hide_password=True)


def identity(url: URL) -> tuple[int, int] | None:
    """Return device and inode of the file at the URL. None if the file is missing or the store has a server."""
    if url.get_backend_name() != "sqlite":
        return None
    try:
        found = Path(url.database or "").stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def make_private(path: Path) -> None:
    """Make the file if it is missing, readable only by its owner. A folder that is made here is private, too.

    SQLite gives its -wal and -shm files the mode of the database. An existing file is not opened here: closing it would
    release the locks that SQLite holds on it in this OS process. Raises OSError.
    """
    if not path.parent.exists():
        path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE))
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            path.chmod(PRIVATE_FILE)
