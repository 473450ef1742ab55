"""python -m benchmarks [--rounds N] [--only NAME | --peers]: measure, print the tables, write RESULTS.md."""

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
import msgspec

from benchmarks.figures import SUITES
from benchmarks.peers.environments import command
from benchmarks.reading import Reading
from benchmarks.report import load, merged, preface, suites_named, table
from benchmarks.subject import Job
from benchmarks.suite import Suite, figures
from benchmarks.workload import Measured

RESULTS: Final = Path(__file__).parent / "RESULTS.md"


@click.command(help="What a token, a tool call, a hop and a spawn cost, beside what else there is.")
@click.option(
    "--rounds", default=3, show_default=True, type=click.IntRange(min=1), help="Figures are medians of these."
)
@click.option(
    "--only",
    type=click.Choice([suite.name for suite in SUITES]),
    help="One suite; its table in RESULTS.md is replaced.",
)
@click.option("--peers", is_flag=True, help="Also other libraries for agents, in virtual environments made for them.")
def main(rounds: int, only: str | None, peers: bool) -> None:
    suites = suites_named(only, peers=peers)
    date, before = f"{datetime.now(UTC):%Y-%m-%d}", load()
    measured = _in_turn(suites, rounds)
    when = "" if only is None else f"{date}, {rounds} rounds, the machine's load {before} when they began."
    tables = [table(suite, figures(suite, measured[suite.name]), when) for suite in suites]
    print("\n\n".join(tables))
    RESULTS.write_text(merged(RESULTS.read_text(), tables, preface(rounds, date, before) if only is None else None))


def _in_turn(suites: Sequence[Suite], rounds: int) -> dict[str, list[Measured]]:
    """Run all measurements of a round, then the next round, so that other load falls on all of them alike."""
    found: dict[str, list[Measured]] = defaultdict(list)
    with provider() as base_url:
        for number in range(1, rounds + 1):
            for suite in suites:
                click.echo(f"\rround {number} of {rounds}: {suite.name:<14}", nl=False, err=True)
                found[suite.name].append(_once(suite.jobs, base_url))
        click.echo(err=True)
    return found


def _once(jobs: Sequence[Job], base_url: str) -> Measured:
    figures: Measured = {}
    for job in jobs:
        figures |= run_apart(job, base_url)
    return figures


def run_apart(job: Job, base_url: str) -> Measured:
    """Measure in a separate OS process."""
    started = command(job.reader if isinstance(job, Reading) else None)
    work = [*started, msgspec.json.encode(job).decode(), base_url]
    done = subprocess.run(work, stdout=subprocess.PIPE, check=True, timeout=600)
    return msgspec.json.decode(done.stdout, type=Measured)


@contextmanager
def provider() -> Iterator[str]:
    """Yield the base URL of a provider that ends with the block."""
    command = [sys.executable, "-m", "benchmarks.provider"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()


if __name__ == "__main__":
    main()
