"""Commands for the cluster: cluster status, rebalance and forget, drain, undrain and where."""

from typing import Any
from urllib.parse import urlencode

import click

from agents.cli.exit_codes import ExitCode
from agents.cli.group import Group
from agents.cli.listing import json_option, say_json, say_list
from agents.cli.printing import say
from agents.cli.remote.completion import completed
from agents.cli.remote.connection import ask, daemon_options
from agents.cli.remote.ids import by_id, nodes, sessions, whole_id
from agents.cli.view.printable import one_line
from agents.cli.view.table import Column
from agents.client import Client
from agents.client.paths import path

COLUMNS = (
    Column("NODE"),
    Column("EPOCH", right=True, rank=3),
    Column("STATE"),
    Column("BEAT", right=True, rank=6),
    Column("LOAD", right=True),
    Column("AGENTS", right=True),
    Column("LINKS", right=True, rank=5),
    Column("VERSION", rank=2),
    Column("CONFIGURATION", rank=4),
    Column("ADDRESS", rank=1),
)

node_argument = click.argument("node", required=False, metavar="[NODE]", shell_complete=completed(nodes))


@click.group(cls=Group)
def cluster() -> None:
    """Show the nodes of the cluster, and change which ones have its agents."""


@cluster.command()
@json_option
@daemon_options
def status(as_json: bool, **options: Any) -> None:
    """List the living nodes. A star marks the one that was asked."""

    async def show(client: Client) -> None:
        say_list((await client.get("/cluster"))["nodes"], COLUMNS, _row, as_json=as_json)

    ask(options, show)


@cluster.command()
@daemon_options
def rebalance(**options: Any) -> None:
    """End idle agents on nodes with more than the mean. The next message starts each on another node."""

    async def do(client: Client) -> None:
        say(f"{(await client.post('/cluster/rebalance'))['released']} idle agents released")

    ask(options, do)


@cluster.command()
@click.argument("node", metavar="NODE", shell_complete=completed(nodes))
@daemon_options
def forget(node: str, **options: Any) -> None:
    """Declare a node dead that holds no lease, without waiting."""

    async def do(client: Client) -> None:
        await by_id(node, nodes(client), lambda name: client.delete(path("cluster", "nodes", name)))
        say("forgotten")

    ask(options, do)


@click.command()
@node_argument
@click.option(
    "--time",
    "time_ms",
    type=click.IntRange(0),
    metavar="MS",
    help="The time for running turns to end. Default: daemon.drain_time.",
)
@daemon_options
def drain(node: str | None, time_ms: int | None, **options: Any) -> None:
    """Let a node accept no new turns. After --time, the other nodes continue its running turns.

    Without NODE, the node that the command asks drains.
    """

    async def do(client: Client) -> None:
        await client.post(_with("/drain", node=await _node(client, node), time=time_ms))
        say("draining")

    ask(options, do)


@click.command()
@node_argument
@daemon_options
def undrain(node: str | None, **options: Any) -> None:
    """Let a node that drains accept new turns again."""

    async def do(client: Client) -> None:
        await client.post(_with("/undrain", node=await _node(client, node)))
        say("accepts new turns")

    ask(options, do)


@click.command()
@click.argument("session", metavar="SESSION", shell_complete=completed(sessions))
@json_option
@daemon_options
def where(session: str, as_json: bool, **options: Any) -> None:
    """Name the node that owns a session. The exit code is 1 if none does."""

    async def do(client: Client) -> int:
        owners = (await client.get("/cluster/owners", id=session))["owners"]
        if not owners and (whole := await whole_id(session, sessions(client))) != session:
            owners = (await client.get("/cluster/owners", id=whole))["owners"]
        owner = next(iter(owners.values()), None)
        if as_json:
            say_json([{"owners": owners}])
            return ExitCode.FOUND if owner is None else ExitCode.DONE
        say("no node owns this session: it wakes where it is asked for" if owner is None else one_line(owner))
        return ExitCode.FOUND if owner is None else ExitCode.DONE

    ask(options, do)


async def _node(client: Client, given: str | None) -> str | None:
    """Return the name of the node that begins so, or the text if none does. Raises AmbiguousId."""
    return None if given is None else await whole_id(given, nodes(client))


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
