"""Commands for the cluster: cluster status, rebalance and forget, drain, undrain and where."""

from typing import Any
from urllib.parse import urlencode

import click

from agents.cli.exit_codes import ExitCode
from agents.cli.group import Group
from agents.cli.printing import say
from agents.cli.remote.connection import ask, daemon_options
from agents.cli.view.printable import one_line
from agents.client import Client
from agents.client.client import path

HEADER = ("NODE", "EPOCH", "STATE", "BEAT", "LOAD", "AGENTS", "LINKS", "VERSION", "CONFIGURATION", "ADDRESS")

node_argument = click.argument("node", required=False, metavar="[NODE]")


@click.group(cls=Group)
def cluster() -> None:
    """Show the nodes of the cluster, and change which ones have its agents."""


@cluster.command()
@daemon_options
def status(**options: Any) -> None:
    """List the living nodes. A star marks the one that was asked."""

    async def show(client: Client) -> None:
        say_table([HEADER, *map(_row, (await client.get("/cluster"))["nodes"])])

    ask(options, show)


@cluster.command()
@daemon_options
def rebalance(**options: Any) -> None:
    """End idle agents on nodes with more than the mean. They wake where they are asked for."""

    async def do(client: Client) -> None:
        say(f"{(await client.post('/cluster/rebalance'))['released']} idle agents released")

    ask(options, do)


@cluster.command()
@click.argument("node", metavar="NODE")
@daemon_options
def forget(node: str, **options: Any) -> None:
    """Declare a node dead that holds no lease, before its time is up."""

    async def do(client: Client) -> None:
        await client.delete(path("cluster", "nodes", node))
        say("forgotten")

    ask(options, do)


@click.command()
@node_argument
@click.option("--time", "time_ms", type=click.IntRange(0), metavar="MS", help="Default: daemon.drain_time.")
@daemon_options
def drain(node: str | None, time_ms: int | None, **options: Any) -> None:
    """Let a node accept no new turns. After a time, the others continue those that run.

    Without NODE, the node that is asked.
    """

    async def do(client: Client) -> None:
        await client.post(_with("/drain", node=node, time=time_ms))
        say("draining")

    ask(options, do)


@click.command()
@node_argument
@daemon_options
def undrain(node: str | None, **options: Any) -> None:
    """Let a node that drains accept new turns again."""

    async def do(client: Client) -> None:
        await client.post(_with("/undrain", node=node))
        say("accepts new turns")

    ask(options, do)


@click.command()
@click.argument("session", metavar="SESSION")
@daemon_options
def where(session: str, **options: Any) -> None:
    """Name the node that owns a session. The exit code is 1 if none does."""

    async def do(client: Client) -> int:
        owner = (await client.get("/cluster/owners", id=session))["owners"].get(session)
        say("no node owns this session: it wakes where it is asked for" if owner is None else one_line(owner))
        return ExitCode.FOUND if owner is None else ExitCode.DONE

    ask(options, do)


def say_table(rows: list[tuple[str, ...]]) -> None:
    """Print rows in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(node: Any) -> tuple[str, ...]:
    beat = node["beat_age_s"]
    return (
        one_line(node["name"]) + "*" * node["this"],
        str(node["epoch"]),
        node["state"],
        "-" if beat is None else f"{beat:.1f} s",
        str(node["load"]),
        _known(node["agents"]),
        _known(node["links"]),
        node["version"] or "-",
        "alike" if node["alike"] else "differs",
        one_line(node["address"]) or "-",
    )


def _known(count: int | None) -> str:
    return "-" if count is None else str(count)


def _with(where: str, **query: Any) -> str:
    """Return the address with those parameters that have a value."""
    given = {name: value for name, value in query.items() if value is not None}
    return f"{where}?{urlencode(given)}" if given else where
