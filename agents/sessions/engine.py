"""Connections to the store: how they are made, and what their failures are in our words."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, event
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from agents.os_process import pids_with_locks
from agents.sessions.errors import Refused, SessionError, StoreFailed, StoreUnavailable
from agents.sessions.location import make_private, shown

BUSY_S: Final = 5.0
"""How long a write waits for another OS process's."""

PRAGMAS: Final = (
    "journal_mode = WAL",  # readers don't wait for the writer, nor it for them
    "synchronous = FULL",  # what was committed is there after a power failure, too
    "foreign_keys = ON",
    "secure_delete = ON",  # what was deleted can't be read in the file
    "journal_size_limit = 67108864",  # bytes that the log keeps after a checkpoint
)

FOREIGN: Final = (SQLAlchemyError, OSError, UnicodeDecodeError)
"""What databases raise; the last one where SQLite names a thing in a damaged file."""

CONNECTIONS: Final = 4  # for reading; each to SQLite is a thread


def new_engine(url: URL, *, create: bool) -> AsyncEngine:
    """create: a file that is missing. Raises StoreUnavailable if there is none, or the driver is not installed."""
    sqlite = url.get_backend_name() == "sqlite"
    if sqlite:
        _file_at(Path(url.database or ""), create=create)
    options: dict[str, Any] = {"connect_args": {"timeout": BUSY_S}} if sqlite else {"pool_pre_ping": True}
    try:
        engine = create_async_engine(url, pool_size=CONNECTIONS, max_overflow=1, hide_parameters=True, **options)
    except ModuleNotFoundError as error:
        raise StoreUnavailable(
            f"the store at {shown(url)} needs {error.name}, which is not installed: pip install 'understudy[postgres]'"
        ) from None
    if sqlite:
        event.listen(engine.sync_engine, "connect", _prepare)
    return engine


@contextmanager
def as_unavailable(url: URL) -> Iterator[None]:
    """What is raised inside is StoreUnavailable, with one line."""
    try:
        yield
    except SessionError:
        raise
    except FOREIGN as error:
        raise StoreUnavailable(f"the store at {shown(url)} can't be used: {_why(error, url)}") from error


@contextmanager
def as_failed(url: URL) -> Iterator[None]:
    """What is raised inside is StoreFailed, or Refused, with one line."""
    try:
        yield
    except SessionError:
        raise
    except IntegrityError as error:
        raise Refused(f"the store at {shown(url)} does not take it: {_first_line(error.orig)}") from error
    except FOREIGN as error:
        raise StoreFailed(f"the store at {shown(url)} can't be written: {_why(error, url)}") from error


def _file_at(path: Path, *, create: bool) -> None:
    if not create and not path.exists():
        raise StoreUnavailable(f"there is no store at {path}")
    try:
        make_private(path)
    except OSError as error:
        raise StoreUnavailable(f"the store at {path} can't be made: {error.strerror or error}") from error
    if not path.is_file():
        raise StoreUnavailable(f"the store at {path} can't be used: it is no file")
    if not os.access(path, os.R_OK | os.W_OK):
        raise StoreUnavailable(f"the store at {path} can't be used: this user may not read and write it")


def _prepare(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    try:
        for pragma in PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
    finally:
        cursor.close()


def _why(error: SQLAlchemyError | OSError | UnicodeDecodeError, url: URL) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is damaged"
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.OperationalError) and cause.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
        return f"it is in use{_by(url)}"
    return _first_line(cause)


def _by(url: URL) -> str:
    path = Path(url.database or "")
    pids = sorted({*pids_with_locks(path), *pids_with_locks(path.with_name(f"{path.name}-shm"))})
    return f" by pid {', '.join(map(str, pids))}" if pids else " by another process"


def _first_line(error: BaseException | None) -> str:
    text = str(error).strip().partition("\n")[0]
    return text or type(error).__name__
