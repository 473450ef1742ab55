"""The source of the sessions for a command: a daemon, or a store that no daemon uses.

--store names a store, --url or UNDERSTUDY_URL a daemon. Without them, the source is the daemon of the state directory
if one runs. Otherwise it is the store that the daemon would open, as the configuration of `understudy serve` says.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import click

from actors import InvalidArgument
from agents.cli.config import loaded_or_exit
from agents.cli.exit_codes import ExitCode
from agents.cli.refusal import fail
from agents.cli.remote.connection import (
    address_given,
    client_of,
    daemon_options,
    token_given,
    with_options_of_group,
)
from agents.client import Client, ClientError, NoDaemon
from agents.configuration import found
from agents.node.state_files import default_state_dir
from agents.sessions import SessionError
from agents.settings import Settings

if TYPE_CHECKING:
    from agents.cli.sessions.stored_sessions import StoredSessions

Command = TypeVar("Command", bound=Callable[..., Any])
Sessions: TypeAlias = "Client | StoredSessions"


def place_options(command: Command) -> Command:
    """Add the options that name the source, to the group and to each of its commands."""
    return store_options(daemon_options(command))


def store_options(command: Command) -> Command:
    """Add --config and --store."""
    command = click.option(
        "--store",
        type=click.UNPROCESSED,
        metavar="URL",
        help="Open this store instead of asking a daemon: sqlite:///FILE or postgresql://...",
    )(command)
    return click.option(
        "--config",
        "file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The configuration file. Default: the file that serve reads.",
    )(command)


def merged_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return a command's options, completed from those of its group."""
    merged = with_options_of_group(options)
    if merged["url"] is not None and merged["store"] is not None:
        raise click.UsageError("expected --url or --store, got both")
    return merged


def carry_out(options: dict[str, Any], work: Callable[[Sessions], Awaitable[None]]) -> None:
    """Do the work. Report an error in one line, with its exit code."""
    where = merged_options(options)

    async def run() -> None:
        async with open_sessions(**where) as source:
            await work(source)

    try:
        asyncio.run(run())
    except (ClientError, InvalidArgument, SessionError) as error:
        sys.exit(fail(error))
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)


@asynccontextmanager
async def open_sessions(
    file: Path | None, url: str | None, token_file: Path | None, state_dir: Path | None, store: str | None
) -> AsyncIterator[Sessions]:
    """Open the source within the block. Raises ClientError, SessionError."""
    if store is None and address_given(url, state_dir or file) is not None:
        async with client_of(url, token_file, state_dir) as client:
            yield client
        return
    if store is None:
        settings, token_file = settings_of(file, state_dir), token_given(token_file, state_dir or file)
        store, state_dir = settings.sessions.url, settings.daemon.state_dir or default_state_dir()
        if await _listens(state_dir):
            async with client_of(None, token_file, state_dir) as client:
                yield client
            return
    from agents.cli.sessions.stored_sessions import (
        stored_sessions,  # SQLAlchemy is slow to import, and a daemon's client does not need it
    )

    async with stored_sessions(store, state_dir) as kept:
        yield kept


async def _listens(folder: Path) -> bool:
    """Return whether a daemon of this folder answers. A crash leaves its address file behind."""
    try:
        async with Client.found(folder) as client:
            await client.get("/healthz")
    except NoDaemon:
        return False
    return True


def settings_of(file: Path | None, state_dir: Path | None) -> Settings:
    """Return the settings of a configuration; None: of the file that serve reads."""
    flags = {} if state_dir is None else {"daemon.state_dir": str(state_dir)}
    return loaded_or_exit(file or found(os.environ), flags, agents=False).settings
