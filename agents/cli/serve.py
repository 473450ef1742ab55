"""`understudy serve`: the daemon, in the foreground."""

import os
import sys
from pathlib import Path
from typing import Final

import click

from agents.cli.daemon_flags import daemon_flags
from agents.cli.printing import say
from agents.cli.refusal import refuse
from agents.configuration import InvalidConfiguration, load
from agents.daemon.errors import ApplicationEnded, CannotStart
from agents.node.garbage import uncollected
from agents.node.standard_streams import give_up_stdout

APPLICATION_ENDED: Final = 1  # a service manager may restart it; after exit code 2 a restart would fail the same way


@click.command()
@daemon_flags
def serve(file: Path | None, flags: dict[str, str]) -> None:
    """Run agents and serve them over HTTP until SIGTERM or Ctrl-C.

    The first signal lets running turns end, for at most daemon.drain_time. A second signal ends the daemon at once.
    SIGHUP makes it read the configuration again.
    """
    try:
        loaded = load(file, os.environ, flags)
        with uncollected():  # the import takes a second: a faulty configuration is reported before
            from agents.daemon.serve import serve as run

        run(loaded, lambda: load(file, os.environ, flags), _say, _say_secret if sys.stdout.isatty() else None)
    except InvalidConfiguration as invalid:
        sys.exit(refuse(*map(str, invalid.faults)))
    except CannotStart as refused:
        sys.exit(refuse(str(refused)))
    except ApplicationEnded as ended:
        refuse(str(ended))
        sys.exit(APPLICATION_ENDED)


def _say_secret(address: str) -> None:
    """Print the address of the page with its one-time code. Only a terminal gets it: other output may be a log."""
    _say(f"open in a browser, once and within ten minutes: {address}")


def _say(line: str) -> None:
    """Print the line and flush, for a reader that waits on a pipe. The daemon goes on if nobody can read it."""
    try:
        say(line)
    except OSError:
        give_up_stdout()
