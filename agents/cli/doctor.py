"""`understudy doctor`: the checks of agents/daemon/checks.py, one line each.

They start a tool worker, and the MCP servers with a command, and end both. A daemon elsewhere is asked over HTTP.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import click

from agents.cli.daemon_flags import daemon_flags
from agents.cli.exit_codes import ExitCode
from agents.cli.listing import json_option, say_json
from agents.cli.printing import say
from agents.cli.remote.connection import address_given, token_file_option
from agents.cli.remote.daemon_check import daemon_findings
from agents.cli.view.printable import one_line
from agents.daemon.checks import checks
from agents.daemon.finding import Finding, Verdict

COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red"}


@click.command()
@daemon_flags
@json_option
@click.option("--url", metavar="URL", help="Check the daemon at this address instead.")
@token_file_option
def doctor(file: Path | None, flags: dict[str, str], as_json: bool, url: str | None, token_file: Path | None) -> None:
    """Check the configuration, port, folder, store, providers, MCP servers, tool workers and environment.

    Each check prints one line: ok, warn or fail. After a fault in the configuration, the other checks use its valid
    values. With UNDERSTUDY_URL, the daemon at that address is checked last. The exit code is 1 if a check failed.
    """
    sys.exit(asyncio.run(_report(_all(file, flags, url, token_file), _print if as_json else _say)))


async def _all(
    file: Path | None, flags: dict[str, str], url: str | None, token_file: Path | None
) -> AsyncIterator[Finding]:
    if url is None:
        async for finding in checks(file, flags):
            yield finding
    if address_given(url, None) is not None:
        async for finding in daemon_findings(url, token_file):
            yield finding


async def _report(findings: AsyncIterator[Finding], show: Callable[[Finding], None]) -> ExitCode:
    failed = False
    async for finding in findings:
        failed = failed or finding.verdict is Verdict.FAIL
        show(finding)
    return ExitCode.FOUND if failed else ExitCode.DONE


def _say(finding: Finding) -> None:
    say(f"{click.style(f'{finding.verdict:4}', COLOURS[finding.verdict])}  {one_line(str(finding))}")


def _print(finding: Finding) -> None:
    say_json([finding])
