"""`understudy ps`, and `tree` and `top` of a daemon."""

import asyncio
import sys
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import click
import msgspec

from actors import ProcessInfo, SystemInfo
from agents.cli.printing import say
from agents.cli.remote.connection import ask, daemon_options
from agents.cli.view.printable import one_line
from agents.cli.view.processes import top_text, tree_text
from agents.client import Client, Refused
from agents.client.client import path
from supervisors import Node

HEADER = ("AGENT", "NAME", "MODEL", "MESSAGES", "STREAM", "STATUS", "EVENTS")
ROWS = 20
PAGE = 1000
LONGEST = 40  # characters of a name


@click.command()
@click.option("--node", metavar="NODE", help="Show only the agents of this node of the cluster.")
@daemon_options
def ps(node: str | None, **options: Any) -> None:
    """List the agents that run, and their streams. In a cluster, those of all nodes."""
    ask(options, lambda client: _ps(client, node))


async def _ps(client: Client, node: str | None) -> None:
    rows: list[tuple[str, ...]] = [HEADER]
    after: dict[str, str | int] = {}
    while page := (await client.get("/agents", limit=PAGE, **after))["agents"]:
        for agent in page if node is None else await _of_node(client, page, node):
            with suppress(Refused):  # the agent ended meanwhile
                rows += _rows(await client.get(path("agents", agent["id"])))
        after = {"after": page[-1]["id"]}
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for agent in (await client.get("/restarts"))["agents"]:
        say(_crashed(agent))


def _crashed(agent: Any) -> str:
    """Return a line about an agent that has crashed."""
    crash, next_s = agent["crash"], agent["next_s"]
    last = " at ".join(filter(None, (crash["exception"] or crash["reason"], crash["where"])))
    state = agent["state"] if next_s is None else f"restarts in {next_s:.1f} s"
    hint = f": understudy reset {agent['id']}" if agent["state"] == "held" else ""
    return one_line(f"{agent['id']}: {state}, crashes {agent['crashes']}, the last one by {last}{hint}")


async def _of_node(client: Client, page: list[Any], node: str) -> list[Any]:
    """Return those of these agents that the node has."""
    ids = urlencode([("id", agent["id"]) for agent in page])
    owners = (await client.get(f"/cluster/owners?{ids}"))["owners"]
    return [agent for agent in page if owners.get(agent["id"]) == node]


def _rows(agent: Any) -> list[tuple[str, ...]]:
    """Return one row per stream, or one row for an agent without streams."""
    own = (agent["id"], *map(_cell, (agent["name"], agent["model"], str(agent["messages"]))))
    streams = [(each["id"], each["status"], str(each["seq"])) for each in agent["streams"]] or [("-", "-", "-")]
    return [(*own, *stream) for stream in streams]


def _cell(text: str) -> str:
    """Return text that a client chose, on one line and cut to LONGEST characters."""
    shown = one_line(text)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


def show_tree(options: dict[str, Any], node: str | None) -> None:
    """Print the supervision tree of the daemon, or of another node of its cluster."""

    async def show(client: Client) -> None:
        say(tree_text(msgspec.convert(await client.get("/tree", **_of(node)), Node)))

    ask(options, show)


def _of(node: str | None) -> dict[str, str]:
    return {} if node is None else {"node": node}


def show_top(options: dict[str, Any], by: str, every_s: float, node: str | None) -> None:
    """Show the busiest processes of the daemon, or of a node: on a terminal a picture that changes, else one."""
    from rich.console import Console  # here, because `ps` does not need it
    from rich.live import Live
    from rich.text import Text

    async def picture(client: Client, width: int | None = None) -> str:
        report = await client.get("/processes", by=by, count=ROWS, **_of(node))
        processes = msgspec.convert(report["processes"], list[ProcessInfo])
        return top_text(processes, msgspec.convert(report["system"], SystemInfo), width)

    async def show(client: Client) -> None:
        console = Console(file=sys.stdout, highlight=False)
        if not console.is_terminal:
            say(await picture(client))
            return
        with Live(console=console, auto_refresh=False, vertical_overflow="ellipsis") as live:
            while True:
                live.update(Text(await picture(client, console.width), no_wrap=True, overflow="ellipsis"), refresh=True)
                await asyncio.sleep(every_s)

    ask(options, show)
