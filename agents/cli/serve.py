"""`understudy serve`: the daemon, in the foreground."""

import gc
import os
import sys
from pathlib import Path
from typing import Final

import click

from agents.cli.config import settings_option
from agents.cli.printing import say
from agents.cli.refusal import refuse
from agents.configuration import InvalidConfiguration, found, load
from agents.daemon.errors import CannotStart, GaveUp
from agents.node.standard_streams import give_up_stdout

GAVE_UP: Final = 1  # a supervisor of daemons starts it anew; with 2, what is in its way would be again


@click.command()
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Default: UNDERSTUDY_CONFIG, else ~/.config/understudy/sys.config if there is one.",
)
@click.option("--host", metavar="ADDRESS", help="gateway.host: where to listen.")
@click.option("--port", metavar="PORT", help="gateway.port; 0: any that is free.")
@click.option(
    "--state-dir", type=click.UNPROCESSED, metavar="DIR", help="daemon.state_dir: its token, its lock, its sessions."
)
@settings_option
def serve(file: Path | None, host: str | None, port: str | None, state_dir: str | None, flags: dict[str, str]) -> None:
    """Run agents and serve them over HTTP until SIGTERM or Ctrl-C.

    The first signal lets running turns end, within daemon.drain_time; the second ends at once. SIGHUP reads the
    configuration again.
    """
    file = file or found(os.environ)
    given = {"gateway.host": host, "gateway.port": port, "daemon.state_dir": state_dir}
    flags = flags | {key: value for key, value in given.items() if value is not None}
    try:
        load(file, os.environ, flags)
        # What follows takes a second, so what it is told is known to be good by now. Nothing that it loads is garbage:
        # to look for some took a tenth of the start. It looks again from when it is ready (daemon/life.py).
        gc.disable()
        from agents.daemon.serve import serve as run

        run(lambda: load(file, os.environ, flags), _say)
    except InvalidConfiguration as invalid:
        sys.exit(refuse(*map(str, invalid.faults)))
    except CannotStart as refused:
        sys.exit(refuse(str(refused)))
    except GaveUp as fallen:
        refuse(str(fallen))
        sys.exit(GAVE_UP)


def _say(line: str) -> None:
    """At once, also into a pipe whose reader waits for the line. A daemon goes on if nobody can read it."""
    try:
        say(line)
    except OSError:
        give_up_stdout()
