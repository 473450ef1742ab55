"""`understudy doctor`: what a daemon needs, each a line: ok, warn or fail. Nothing is started but a tool's worker."""

import asyncio
import os
import sys
from pathlib import Path

import click

from agents.cli.config import settings_option
from agents.cli.printing import say
from agents.cli.view.printable import one_line
from agents.configuration import found
from agents.daemon.checks import Verdict, checks

COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red"}


@click.command()
@click.option("--config", "file", type=click.Path(path_type=Path), metavar="FILE", help="As of serve.")
@settings_option
def doctor(file: Path | None, flags: dict[str, str]) -> None:
    """Check the configuration, the port, the folder, the store, providers, tools and the environment.

    Exit code 1: something is in the way of a daemon.
    """
    sys.exit(asyncio.run(_told(file or found(os.environ), flags)))


async def _told(file: Path | None, flags: dict[str, str]) -> int:
    failed = False
    async for finding in checks(file, flags):
        failed = failed or finding.verdict is Verdict.FAIL
        say(f"{click.style(f'{finding.verdict:4}', COLOURS[finding.verdict])}  {one_line(str(finding))}")
    return int(failed)
