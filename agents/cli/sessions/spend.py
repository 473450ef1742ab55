"""`understudy spend`: the tokens and the cost of model calls."""

import asyncio
import sys
from datetime import UTC, datetime
from typing import Any, get_args

import click

from agents.cli.exit_codes import ExitCode
from agents.cli.listing import NOTHING, json_option, say_list
from agents.cli.moment import AGES, Moment
from agents.cli.refusal import fail
from agents.cli.sessions.place import open_sessions, place_options
from agents.cli.view.printable import one_line
from agents.cli.view.table import Column
from agents.client import ClientError
from agents.contract.spending import SpendBy, SpendReport, SpentSum
from agents.sessions import SessionError

SUMS = (
    Column("CALLS", right=True, rank=2),
    Column("INPUT", right=True, rank=4),
    Column("OUTPUT", right=True, rank=3),
    Column("COST", right=True),
    Column("NOTES", least=8, rank=1),
)


@click.command("spend")
@click.option(
    "--by",
    type=click.Choice(get_args(SpendBy)),
    default="day",
    show_default=True,
    help="The property by which model calls are summed.",
)
@click.option(
    "--since",
    type=Moment(UTC),
    metavar="TIME",
    help=f"Only model calls from this time on: ISO 8601, in UTC if it has no zone, or an age as {AGES}.",
)
@json_option
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
            return await source.spending(by, since)

    try:
        report = asyncio.run(run())
    except (ClientError, SessionError) as error:
        sys.exit(fail(error))
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    say_list(report.spend, (Column(by.upper(), least=8), *SUMS), _row, as_json=as_json)


def _row(each: SpentSum) -> tuple[str, ...]:
    notes = [f"{each.unpriced} without a price"] if each.unpriced else []
    notes += [f"{each.estimated} estimated"] if each.estimated else []
    return (
        NOTHING if each.key is None else one_line(each.key),
        *(str(number) for number in (each.model_calls, each.input_tokens, each.output_tokens)),
        f"{each.cost:.4f}",
        ", ".join(notes) or NOTHING,
    )
