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
from agents.daemon.errors import ApplicationEnded, CannotStart
from agents.node.standard_streams import give_up_stdout

APPLICATION_ENDED: Final = 1  # a service manager may restart it; after exit code 2 a restart would fail the same way


@click.command()
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The configuration file. Default: the one in UNDERSTUDY_CONFIG, else ~/.config/understudy/sys.config.",
)
@click.option("--host", metavar="ADDRESS", help="The address to listen on (gateway.host).")
@click.option("--port", metavar="PORT", help="The port to listen on; 0 chooses a free one (gateway.port).")
@click.option(
    "--state-dir",
    type=click.UNPROCESSED,
    metavar="DIR",
    help="The folder for the token, the lock and the sessions (daemon.state_dir).",
)
@settings_option
def serve(file: Path | None, host: str | None, port: str | None, state_dir: str | None, flags: dict[str, str]) -> None:
    """Run agents and serve them over HTTP until SIGTERM or Ctrl-C.

    The first signal lets running turns end, for at most daemon.drain_time. A second signal ends the daemon at once.
    SIGHUP makes it read the configuration again.
    """
    file = file or found(os.environ)
    given = {"gateway.host": host, "gateway.port": port, "daemon.state_dir": state_dir}
    flags = flags | {key: value for key, value in given.items() if value is not None}
    try:
        load(file, os.environ, flags)
        # The import below takes a second: a faulty configuration is reported before. The collector is off meanwhile,
        # because searching imported modules for garbage takes a tenth of the start. daemon/life.py turns it on again.
        gc.disable()
        from agents.daemon.serve import serve as run

        run(lambda: load(file, os.environ, flags), _say, _say_secret if sys.stdout.isatty() else None)
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
