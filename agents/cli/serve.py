"""`understudy serve`: the daemon, in the foreground."""

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from agents.cli.daemon_flags import daemon_flags
from agents.cli.exit_codes import ExitCode
from agents.cli.printing import say
from agents.cli.refusal import refuse
from agents.configuration import InvalidConfiguration, Loaded, load
from agents.daemon.errors import ApplicationEnded, CannotStart, Outage
from agents.node.garbage import uncollected
from agents.node.standard_streams import give_up_stdout

if TYPE_CHECKING:
    from agents.daemon.crew.parent import Parent

CANNOT_START: Final = ExitCode.USAGE  # a service manager does not restart it: a restart would fail the same way
OUTAGE: Final = ExitCode.OUTAGE  # a service manager tries again
APPLICATION_ENDED: Final = ExitCode.FOUND  # a service manager may restart it


@click.command()
@daemon_flags
@click.option("--nodes", metavar="N", help="Run N nodes on the same port, or `auto`: one per core of this machine.")
@click.option("--parent", type=int, hidden=True, help="The descriptor by which --nodes starts a node.")
def serve(file: Path | None, flags: dict[str, str], nodes: str | None, parent: int | None) -> None:
    """Run agents and serve them over HTTP until SIGTERM or Ctrl-C.

    The first signal lets running turns end, for at most daemon.drain_time. A second signal ends the daemon at once.
    SIGHUP makes it read the configuration again.
    """
    reload = partial(load, file, os.environ, flags)
    if parent is not None:
        sys.exit(_one(reload, _parent(parent)))
    sys.exit(_one(reload) if nodes is None else _crew(reload, nodes))


def _one(reload: Callable[[], Loaded], parent: "Parent | None" = None) -> int:
    """Run one daemon; return its exit code. A node reports its faults to its parent."""
    report = refuse if parent is None else parent.refuse
    try:
        loaded = reload()
        with uncollected():  # the import takes a second: a faulty configuration is reported before
            from agents.daemon.serve import serve as run

        run(loaded, reload, _say, _say_secret if sys.stdout.isatty() else None, parent)
    except InvalidConfiguration as invalid:
        report(*map(str, invalid.faults))
        return CANNOT_START
    except Outage as away:
        report(str(away))
        return OUTAGE
    except CannotStart as refused:
        report(str(refused))
        return CANNOT_START
    except ApplicationEnded as ended:
        report(str(ended))
        return APPLICATION_ENDED
    return 0


def _crew(reload: Callable[[], Loaded], nodes: str) -> int:
    """Run the parent of some nodes; return its exit code."""
    try:
        loaded = reload()
        from agents.daemon.crew.serve import serve_nodes

        verdict = serve_nodes(nodes, (sys.executable, *sys.orig_argv[1:]), loaded, reload, _say)
    except InvalidConfiguration as invalid:
        return refuse(*map(str, invalid.faults))
    except CannotStart as refused:
        return refuse(str(refused))
    refuse(*verdict.lines)
    return verdict.code


def _parent(descriptor: int) -> "Parent":
    from agents.daemon.crew.parent import Parent

    try:
        return Parent(descriptor)
    except CannotStart as refused:
        sys.exit(refuse(str(refused)))


def _say_secret(address: str) -> None:
    """Print the address of the page with its one-time code. Only a terminal gets it: other output may be a log."""
    _say(f"open in a browser, once and within ten minutes: {address}")


def _say(line: str) -> None:
    """Print the line and flush, for a reader that waits on a pipe. The daemon goes on if nobody can read it."""
    try:
        say(line)
    except OSError:
        give_up_stdout()
