"""The connection of a command to its daemon, and the exit code of the command."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from agents.cli.exit_codes import ExitCode
from agents.cli.refusal import fail
from agents.client import Client, ClientError
from agents.client.place import token_in
from agents.node.state_files import TOKEN_FILE, URL, address_in, default_state_dir

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
        "--url",
        metavar="URL",
        help=f"The address of the daemon. Default: {URL}, else the daemon of the state directory.",
    )(token_file_option(command))


def token_file_option(command: Command) -> Command:
    return click.option(
        "--token-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help=f"The file with the token. Default: {TOKEN_FILE}, else the token of the state directory.",
    )(command)


def address_given(url: str | None, state_dir: Path | None) -> str | None:
    """Return the address of --url, else the one of the environment. --state-dir overrides the environment."""
    return url or (os.environ.get(URL) or None if state_dir is None else None)


def token_given(token_file: Path | None, state_dir: Path | None) -> Path | None:
    """Return the file of --token-file, else the one of the environment. --state-dir overrides the environment."""
    named = os.environ.get(TOKEN_FILE) if state_dir is None else None
    return token_file or (Path(named) if named else None)


def client_of(url: str | None, token_file: Path | None, state_dir: Path | None) -> Client:
    """Return a client of the daemon that the options and the environment name.

    Raises ClientError, and UsageError for a faulty address.
    """
    address, token_file = address_given(url, state_dir), token_given(token_file, state_dir)
    if address is None:
        return Client.found(state_dir or _own_folder(), token_file)
    if not address.startswith(("http://", "https://")):
        where = "--url" if url else URL
        raise click.UsageError(f"{where}: expected an address that begins with http:// or https://, got {address!r}")
    return Client(address, token_in(token_file or (state_dir or default_state_dir()) / "token"))


def _own_folder() -> Path:
    """Return the default folder if a daemon runs with it, else the configuration's, which takes longer to read."""
    default = default_state_dir()
    if address_in(default) is not None:
        return default
    from agents.cli.config import loaded_or_exit
    from agents.configuration import found

    return loaded_or_exit(found(os.environ), {}, agents=False).settings.daemon.state_dir or default


def ask(options: dict[str, Any], work: Callable[[Client], Awaitable[int | None]]) -> None:
    """Do the work with the daemon that the options name, then exit with the work's code."""

    async def run() -> int:
        async with client_of(**options) as client:
            return await work(client) or ExitCode.DONE

    try:
        code = asyncio.run(run())
    except ClientError as failed:
        code = fail(failed)
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    sys.exit(code)
