"""`understudy doctor`: the checks of agents/daemon/checks.py, one line each.

They start a tool worker, and the MCP servers with a command, and end both.
"""

import asyncio
import sys
from pathlib import Path

import click

from agents.cli.daemon_flags import daemon_flags
from agents.cli.printing import say
from agents.cli.view.printable import one_line
from agents.daemon.checks import checks
from agents.daemon.finding import Verdict

COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red"}


@click.command()
@daemon_flags
def doctor(file: Path | None, flags: dict[str, str]) -> None:
    """Check the configuration, port, folder, store, providers, MCP servers, tool workers and environment.

    Each check prints one line: ok, warn or fail. After a fault in the configuration, the other checks use its valid
    values. The exit code is 1 if a check failed.
    """
    sys.exit(asyncio.run(_report(file, flags)))


async def _report(file: Path | None, flags: dict[str, str]) -> int:
    failed = False
    async for finding in checks(file, flags):
        failed = failed or finding.verdict is Verdict.FAIL
        say(f"{click.style(f'{finding.verdict:4}', COLOURS[finding.verdict])}  {one_line(str(finding))}")
    return int(failed)
