"""The connection of a command to its daemon, and the exit code of the command."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from agents.cli import INTERRUPTED
from agents.cli.refusal import refuse
from agents.client import Client, ClientError
from agents.client.place import token_in
from agents.node.state_files import address_in, default_state_dir

Command = TypeVar("Command", bound=Callable[..., Any])


def daemon_options(command: Command) -> Command:
    """Add --url, --token-file and --state-dir. `ask` makes a client of them."""
    command = click.option(
        "--state-dir",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="The daemon's state directory. Default: ~/.local/state/understudy, else the one of the configuration.",
    )(command)
    return click.option(
        "--url", metavar="URL", help="The address of the daemon. Default: the daemon of the state directory."
    )(token_file_option(command))


def token_file_option(command: Command) -> Command:
    return click.option(
        "--token-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The file with the token for --url. Default: the token of the state directory.",
    )(command)


def client_of(url: str | None, token_file: Path | None, state_dir: Path | None) -> Client:
    """Return a client of the daemon that the options name. Raises ClientError, and UsageError for a faulty --url."""
    if url is None:
        return Client.found(state_dir or _own_folder())
    if not url.startswith(("http://", "https://")):
        raise click.UsageError(f"--url: expected an address that begins with http:// or https://, got {url!r}")
    return Client(url, token_in(token_file or (state_dir or default_state_dir()) / "token"))


def _own_folder() -> Path:
    """Return the default folder if a daemon runs with it, else the configuration's, which takes longer to read."""
    default = default_state_dir()
    if address_in(default) is not None:
        return default
    from agents.cli.config import loaded_or_exit
    from agents.configuration import found

    return loaded_or_exit(found(os.environ), {}).settings.daemon.state_dir or default


def ask(options: dict[str, Any], work: Callable[[Client], Awaitable[int | None]]) -> None:
    """Do the work with the daemon that the options name, then exit with the work's code."""

    async def run() -> int:
        async with client_of(**options) as client:
            return await work(client) or 0

    try:
        code = asyncio.run(run())
    except ClientError as failed:
        code = refuse(str(failed))
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)
