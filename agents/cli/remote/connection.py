"""How a command comes to its daemon, and what becomes of it when that says no."""

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
    """--url, --token-file and --state-dir, which come to the command as one Client."""
    command = click.option(
        "--state-dir", type=click.Path(path_type=Path), metavar="DIR", help="Of the daemon: where it is looked for."
    )(command)
    command = click.option(
        "--token-file", type=click.Path(path_type=Path), metavar="FILE", help="With --url; default: the state dir's."
    )(command)
    return click.option("--url", metavar="URL", help="Of the daemon; default: the one that runs here.")(command)


def client_of(url: str | None, token_file: Path | None, state_dir: Path | None) -> Client:
    """Raises ClientError."""
    if url is None:
        return Client.found(state_dir or _own_folder())
    if not url.startswith(("http://", "https://")):
        raise click.UsageError(f"--url: expected an address that begins with http:// or https://, got {url!r}")
    return Client(url, token_in(token_file or (state_dir or default_state_dir()) / "token"))


def _own_folder() -> Path:
    """The default one, if a daemon is there, else that of the configuration, which takes a while to be read."""
    default = default_state_dir()
    if address_in(default) is not None:
        return default
    from agents.cli.config import loaded_or_exit
    from agents.configuration import found

    return loaded_or_exit(found(os.environ), {}).settings.daemon.state_dir or default


def ask(options: dict[str, Any], work: Callable[[Client], Awaitable[int | None]]) -> None:
    """Do the work with the daemon that the options name, and exit with its code."""

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
