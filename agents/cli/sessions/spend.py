"""`understudy spend`: the tokens and the cost of model calls."""

import asyncio
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_args

import click

from agents.cli import INTERRUPTED
from agents.cli.printing import say
from agents.cli.refusal import refuse
from agents.cli.sessions.place import open_sessions, place_options
from agents.cli.view.printable import one_line
from agents.client import ClientError
from agents.contract.spending import SpendBy, SpendReport
from agents.core.text import to_json
from agents.sessions import SessionError

DATES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


@click.command("spend")
@click.option(
    "--by",
    type=click.Choice(get_args(SpendBy)),
    default="day",
    show_default=True,
    help="The property by which model calls are summed.",
)
@click.option("--since", type=click.DateTime(DATES), help="Only model calls from this time on, in UTC.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@place_options
def spend(by: SpendBy, since: datetime | None, as_json: bool, **options: Any) -> None:
    """Show what model calls have spent: calls, tokens of input and output, and cost.

    The command asks the running daemon, or the one at --url. If no daemon runs, the command opens the store that the
    configuration or --store names.
    """
    if options["url"] is not None and options["store"] is not None:
        raise click.UsageError("expected --url or --store, got both")

    async def run() -> SpendReport:
        async with open_sessions(**options) as source:
            return await source.spending(by, None if since is None else since.replace(tzinfo=UTC))

    try:
        report = asyncio.run(run())
    except (ClientError, SessionError) as error:
        sys.exit(refuse(str(error)))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    for line in [to_json(report).decode()] if as_json else lines_of(report):
        say(line)


def lines_of(report: SpendReport) -> Iterator[str]:
    """Yield a line of headings, and one for each sum."""
    yield f"{report.by:<32} {'calls':>8} {'input':>12} {'output':>12} {'cost':>12}"
    for each in report.spend:
        key = one_line(each.key if each.key is not None else "(none)")
        notes = [f"{each.unpriced} without a price"] if each.unpriced else []
        notes += [f"{each.estimated} estimated"] if each.estimated else []
        said = f"  {', '.join(notes)}" if notes else ""
        counts = f"{each.model_calls:>8} {each.input_tokens:>12} {each.output_tokens:>12} {each.cost:>12.4f}"
        yield f"{key:<32} {counts}{said}"
