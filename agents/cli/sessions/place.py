"""Where a command finds the sessions: at a daemon, or in a store that none has.

--store names a store, --url a daemon. Without them it is the daemon of the state directory, if one listens there, else
the store that it would open: both as the configuration says, as for `understudy serve`.
"""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import click

from agents.cli.config import loaded_or_exit
from agents.cli.remote.connection import client_of, daemon_options
from agents.client import Client, NoDaemon
from agents.configuration import found
from agents.node.state_files import default_state_dir
from agents.settings import Settings

if TYPE_CHECKING:
    from agents.cli.sessions.kept import StoredSessions

Command = TypeVar("Command", bound=Callable[..., Any])
Sessions: TypeAlias = "Client | StoredSessions"


def place_options(command: Command) -> Command:
    """Of the group, and of each of its commands."""
    command = daemon_options(command)
    command = click.option(
        "--store", type=click.UNPROCESSED, metavar="URL", help="sqlite:///FILE or postgresql://..., and no daemon."
    )(command)
    return click.option(
        "--config", "file", type=click.Path(path_type=Path), metavar="FILE", help="As of serve: where all of it is."
    )(command)


def given(options: dict[str, Any]) -> dict[str, Any]:
    """A command's options over those of its group."""
    group: dict[str, Any] = click.get_current_context().obj
    merged = group | {name: value for name, value in options.items() if value is not None}
    if merged["url"] is not None and merged["store"] is not None:
        raise click.UsageError("expected --url or --store, got both")
    return merged


@asynccontextmanager
async def opened(
    file: Path | None, url: str | None, token_file: Path | None, state_dir: Path | None, store: str | None
) -> AsyncIterator[Sessions]:
    """Raises ClientError, SessionError."""
    if url is not None:
        async with client_of(url, token_file, state_dir) as client:
            yield client
        return
    if store is None:
        settings = _settings(file, state_dir)
        store, state_dir = settings.sessions.url, settings.daemon.state_dir or default_state_dir()
        if await _listens(state_dir):
            async with Client.found(state_dir) as client:
                yield client
            return
    from agents.cli.sessions.kept import stored_sessions  # who asks a daemon does not wait for SQLAlchemy

    async with stored_sessions(store, state_dir) as kept:
        yield kept


async def _listens(folder: Path) -> bool:
    """A daemon of this folder. What it has left there after a crash is none."""
    try:
        async with Client.found(folder) as client:
            await client.get("/healthz")
    except NoDaemon:
        return False
    return True


def _settings(file: Path | None, state_dir: Path | None) -> Settings:
    flags = {} if state_dir is None else {"daemon.state_dir": str(state_dir)}
    return loaded_or_exit(file or found(os.environ), flags).settings
