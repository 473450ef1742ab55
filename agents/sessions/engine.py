"""Connections to the store: how they are made, and their failures as this package's errors."""

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Engine, NullPool, create_engine, event
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from agents.extras import MissingExtra
from agents.node.os_process import pids_with_locks
from agents.sessions.errors import (
    ConnectionLost,
    RecordsRefused,
    SessionError,
    StoreUnavailable,
    StoreUnreachable,
    WriteFailed,
)
from agents.sessions.location import make_private, shown

BUSY_S: Final = 5.0
"""How long a write waits while another OS process writes."""

PRAGMAS: Final = (
    "journal_mode = WAL",  # readers and the writer do not wait for each other
    "synchronous = FULL",  # a commit survives a power failure
    "foreign_keys = ON",
    "secure_delete = ON",  # deleted data can't be read in the file
    "journal_size_limit = 67108864",  # the log's size in bytes after a checkpoint
)

VALUE_STATES: Final = frozenset({"22", "23", "54"})
"""Classes of SQLSTATE: data exception, integrity constraint violation, program limit exceeded."""

NO_CONNECTIONS_NOW: Final = frozenset({"08001", "08003", "08004", "08006", "53300", "57P01", "57P02", "57P03"})
"""SQLSTATEs of a connection that failed or ended, of a server with too many, and of one that starts or stops."""

STATEMENT_STATES: Final = frozenset({"26000", "42P05"})
"""SQLSTATEs of a prepared statement that the session does not have, or has already."""

POOLED: Final = (
    "expected connections with a session each, got a pooler in transaction mode:"
    " give sessions.url the server's own address"
)

CONNECTIONS: Final = 5  # for the writer, its lease, and reading; for SQLite each is a thread

HELD_S: Final = 10.0
"""How long PostgreSQL lets a session be idle in a transaction. A stopped program loses its locks after this time."""


def new_engine(url: URL, *, create: bool, deadline_s: float, held_s: float = HELD_S) -> AsyncEngine:
    """Return an engine for the store at this URL.

    create: make a missing file. deadline_s: the limit for a connection to PostgreSQL and for each statement. held_s: as
    HELD_S, and for how long PostgreSQL waits for a host that does not acknowledge.
    Raises StoreUnavailable if the file is missing, or the driver is not installed.
    """
    sqlite = url.get_backend_name() == "sqlite"
    if sqlite:
        _file_at(Path(url.database or ""), create=create)
    arguments = {"timeout": BUSY_S} if sqlite else _postgres_arguments(deadline_s, held_s)
    try:
        engine = create_async_engine(
            _existing(url) if sqlite else url,
            pool_size=CONNECTIONS,
            max_overflow=1,
            hide_parameters=True,
            connect_args=arguments,
        )
    except ModuleNotFoundError as error:
        missing = MissingExtra.of("daemon" if sqlite else "postgres", f"the store at {shown(url)}", error.name)
        raise StoreUnavailable(str(missing)) from None
    if sqlite:
        event.listen(engine.sync_engine, "connect", _prepare)
    return engine


def new_writers_engine(url: URL) -> Engine:
    """Return the engine for the writer's one connection to a SQLite file, which is used in one thread."""
    engine = create_engine(
        _existing(url).set(drivername="sqlite"),
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"timeout": BUSY_S},
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _postgres_arguments(deadline_s: float, held_s: float) -> dict[str, Any]:
    limit_ms, held_ms = str(round(deadline_s * 1000)), str(round(held_s * 1000))
    limits = {"statement_timeout": limit_ms, "lock_timeout": limit_ms}
    held = {"idle_in_transaction_session_timeout": held_ms, "tcp_user_timeout": held_ms}
    return {"timeout": deadline_s, "server_settings": limits | held}


@contextmanager
def as_unavailable(url: URL) -> Iterator[None]:
    """Raise a failure of the block as StoreUnavailable, with one line."""
    try:
        yield
    except SessionError:
        raise
    except Exception as error:
        if not isinstance(error, (SQLAlchemyError, OSError, UnicodeDecodeError, *drivers_errors())):
            raise
        if isinstance(damaged := getattr(error, "orig", None), SessionError):
            raise damaged from None
        raise _kind_of(error, url)(f"the store at {shown(url)} can't be used: {_why(error, url)}") from error


def _kind_of(error: Exception, url: URL) -> type[StoreUnavailable]:
    if getattr(error, "connection_invalidated", False):
        return ConnectionLost
    cause = _cause(error)
    no_answer = isinstance(cause, OSError) or getattr(cause, "sqlstate", None) in NO_CONNECTIONS_NOW
    return StoreUnreachable if no_answer and url.get_backend_name() == "postgresql" else StoreUnavailable


@contextmanager
def as_failed(url: URL) -> Iterator[None]:
    """Raise a failure of the block as WriteFailed, or as RecordsRefused if the values are the cause, with one line."""
    try:
        yield
    except SessionError:
        raise
    except Exception as error:
        if isinstance(refused := getattr(error, "orig", None), SessionError):
            raise refused from None
        if _is_of_the_values(error):
            raise RecordsRefused(
                f"the store at {shown(url)} does not accept this: {_first_line(_cause(error))}"
            ) from error
        raise WriteFailed(f"the store at {shown(url)} can't be written: {_why(error, url)}") from error


def _is_of_the_values(error: Exception) -> bool:
    """Return True if the database works and will never accept these values.

    Any other exception of a driver is a lost connection.
    """
    cause = _cause(error)
    if str(getattr(cause, "sqlstate", None) or "")[:2] in VALUE_STATES:
        return True
    if isinstance(error, DBAPIError):
        unbound = "binding parameter" in str(cause)  # sqlite3 says this for a value of an unknown type
        return isinstance(error, IntegrityError | DataError) or unbound
    return not isinstance(error, (OSError, UnicodeDecodeError, PoolTimeout, *drivers_errors()))


def drivers_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions that SQLAlchemy passes on unchanged, for the drivers that are loaded."""
    asyncpg = sys.modules.get("asyncpg")
    return () if asyncpg is None else (asyncpg.InterfaceError, asyncpg.PostgresError, asyncpg.InternalClientError)


def _file_at(path: Path, *, create: bool) -> None:
    if not create and not os.path.exists(path):
        raise StoreUnavailable(f"no store exists at {path}")
    try:
        make_private(path)
    except (OSError, ValueError) as error:  # ValueError: no file can have this path
        why = getattr(error, "strerror", None) or error
        raise StoreUnavailable(f"the store at {str(path)!r} can't be made: {why}") from error
    if not path.is_file():
        raise StoreUnavailable(f"the store at {path} can't be used: expected a file, got a directory or device")
    if not os.access(path, os.R_OK | os.W_OK):
        raise StoreUnavailable(f"the store at {path} can't be used: this user may not read and write it")


def _existing(url: URL) -> URL:
    """Return the URL of a SQLite file that no connection makes: a file that is gone must not become an empty store."""
    return url.set(database=f"file:{quote(os.fsencode(url.database or ''))}", query={"mode": "rw", "uri": "true"})


def _prepare(connection: Any, _record: Any) -> None:
    driver = getattr(connection, "driver_connection", connection)  # aiosqlite's connection, or sqlite3's own
    driver.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
    cursor = connection.cursor()
    try:
        for pragma in PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
    finally:
        cursor.close()


def _why(error: Exception, url: URL) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is damaged"
    if isinstance(error, TimeoutError):
        return "it does not answer"
    cause = _cause(error)
    if getattr(cause, "sqlstate", None) in STATEMENT_STATES:
        return POOLED
    if isinstance(cause, sqlite3.Error) and getattr(cause, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
        return f"it is in use{_by(url)}"
    return _first_line(cause)


def _cause(error: Exception) -> BaseException | None:
    return error.orig if isinstance(error, DBAPIError) else error


def _by(url: URL) -> str:
    path = Path(url.database or "")
    pids = sorted({*pids_with_locks(path), *pids_with_locks(path.with_name(f"{path.name}-shm"))})
    return f" by pid {', '.join(map(str, pids))}" if pids else " by another process"


def _first_line(error: BaseException | None) -> str:
    text = str(error).strip().partition("\n")[0]
    return text or type(error).__name__
