"""The connection of a command to its daemon, and the exit code of the command."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from shlex import quote
from typing import Any, Final, TypeVar

import click

from agents.cli.exit_codes import ExitCode
from agents.cli.refusal import fail
from agents.cli.view.printable import one_line
from agents.client import Client, ClientError
from agents.client.place import token_in
from agents.node.state_files import TOKEN_FILE, URL, address_in, default_state_dir

Command = TypeVar("Command", bound=Callable[..., Any])

PATHS: Final = frozenset({"file", "token_file", "state_dir"})


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


def option_given(context: click.Context, name: str) -> Any:
    """Return the value of an option of the command or of its groups. Completion gives paths as they were typed."""
    at: click.Context | None = context
    while at is not None and at.params.get(name) is None:
        at = at.parent
    value = None if at is None else at.params[name]
    return Path(value) if isinstance(value, str) and name in PATHS else value


def place_given() -> str:
    """Return the options by which the person named the daemon, for a command that is printed: each after a space."""
    context = click.get_current_context()
    given = {f"--{name.replace('_', '-')}": option_given(context, name) for name in ("url", "token_file", "state_dir")}
    return "".join(f" {option} {quote(one_line(str(value)))}" for option, value in given.items() if value is not None)


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


def with_options_of_group(options: dict[str, Any]) -> dict[str, Any]:
    """Return a command's options, completed from those that its group keeps in the context's `obj`."""
    group: dict[str, Any] = click.get_current_context().obj or {}
    return options | group | {name: value for name, value in options.items() if value is not None}


def ask(options: dict[str, Any], work: Callable[[Client], Awaitable[int | None]]) -> None:
    """Do the work with the daemon that the options name, then exit with the work's code."""
    place = with_options_of_group(options)

    async def run() -> int:
        async with client_of(**place) as client:
            return await work(client) or ExitCode.DONE

    try:
        code = asyncio.run(run())
    except ClientError as failed:
        code = fail(failed)
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    sys.exit(code)
