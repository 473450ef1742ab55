"""`understudy config check | show | init`: the configuration file, for people."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from agents.cli.exit_codes import ExitCode
from agents.cli.group import Group
from agents.cli.listing import json_option, say_json, terminal_width
from agents.cli.printing import complain, say
from agents.cli.refusal import refuse
from agents.cli.view.printable import one_line
from agents.cli.view.table import cropped
from agents.configuration import InvalidConfiguration, Loaded, found, load, unknown_agents
from agents.configuration.loading import own_folder
from agents.configuration.shipped import write
from agents.configuration.showing import rows

Command = TypeVar("Command", bound=Callable[..., Any])


def settings_option(command: Command) -> Command:
    """Add --set KEY=VALUE. It may be given several times, and overrides the file and the environment."""
    return click.option(
        "--set",
        "flags",
        type=click.UNPROCESSED,  # a value may be a path in any encoding
        multiple=True,
        metavar="KEY=VALUE",
        callback=_flags,
        help="Set one setting, such as gateway.port=9000. It overrides the file and the environment.",
    )(command)


def _flags(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    flags: dict[str, str] = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not equals:
            raise click.BadParameter(f"expected KEY=VALUE, got {each!r}")
        flags[key] = value
    return flags


FILE = click.argument("file", required=False, type=click.Path(path_type=Path))


@click.group(cls=Group, no_args_is_help=False, invoke_without_command=True)
@click.pass_context
def config(context: click.Context) -> None:
    """Check, show or write the configuration file.

    Without FILE, the file is the one in UNDERSTUDY_CONFIG, else ~/.config/understudy/sys.config.
    """
    if context.invoked_subcommand is None:
        say(context.get_help())


@config.command()
@FILE
@settings_option
def check(file: Path | None, flags: dict[str, str]) -> None:
    """Report every fault in FILE, its includes and the environment, one line per fault.

    A name of an agent that FILE does not have is a warning: the agent may start later.
    """
    file = file or found(os.environ)
    if file is None:
        sys.exit(refuse("expected a configuration file, got none: understudy config init writes one"))
    loaded = loaded_or_exit(file, flags)
    for warning in unknown_agents(loaded):
        complain(one_line(f"warning: {warning}"))
    agents = len(loaded.settings.agents)
    others = len(loaded.files) - 1
    say(one_line(f"{file}: good; {others} included; {agents} {'agent' if agents == 1 else 'agents'} to start"))


@config.command()
@FILE
@json_option
@settings_option
def show(file: Path | None, flags: dict[str, str], as_json: bool) -> None:
    """Show every setting, its value and its source. Secrets are masked."""
    found_rows = list(rows(loaded_or_exit(file or found(os.environ), flags)))
    if as_json:
        say_json({"key": key, "value": value, "source": where} for key, value, where in found_rows)
        return
    widths = [max(len(one_line(row[column])) for row in found_rows) for column in (0, 1)]
    for key, value, where in found_rows:
        line = f"{one_line(key):{widths[0]}}  {one_line(value):{min(widths[1], 40)}}  {one_line(where)}"
        say(cropped(line, terminal_width()))


@config.command()
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(file_okay=False, path_type=Path))
def init(folder: Path | None) -> None:
    """Write sys.config, with every key and its default, to DIR.

    Without DIR, write it to ~/.config/understudy, where other commands look for it.
    """
    folder = folder or own_folder(os.environ)
    try:
        path = write(folder)
    except FileExistsError as error:
        sys.exit(refuse(f"expected no file at {error.filename}, got one; the file is unchanged"))
    except OSError as error:
        sys.exit(refuse(f"expected a folder to write to, got {folder}: {error.strerror}"))
    say(one_line(f"wrote {path}"))


def loaded_or_exit(file: Path | None, flags: dict[str, str], *, agents: bool = True) -> Loaded:
    """Load the settings of a command. If they have faults, report one line per fault on stderr and exit.

    agents: as in `load`. A command that only needs the place of a daemon or a store imports no tools.
    """
    try:
        return load(file, os.environ, flags, agents=agents)
    except InvalidConfiguration as invalid:
        for fault in invalid.faults:
            complain(one_line(str(fault)))
        sys.exit(ExitCode.USAGE)
