"""`understudy ps`: the agents that run, and their streams."""

from collections.abc import AsyncIterator
from contextlib import suppress
from time import time
from typing import Any, Final
from urllib.parse import urlencode

import click

from agents.cli.listing import NOTHING, json_option, say_json, say_table, span_of
from agents.cli.printing import say
from agents.cli.remote import ids
from agents.cli.remote.completion import completed
from agents.cli.remote.connection import ask, daemon_options
from agents.cli.view.printable import one_line
from agents.cli.view.table import Column, cut
from agents.client import Client, Refused
from agents.client.paths import path

LONGEST: Final = 40  # characters of a name

COLUMNS: Final = (
    Column("AGENT", least=8),
    Column("NAME", least=6, rank=5),
    Column("MODEL", least=6, rank=6),
    Column("MESSAGES", right=True, rank=4),
    Column("STREAM", least=8),
    Column("STATUS"),
    Column("EVENTS", right=True, rank=3),
    Column("AGE", right=True, rank=9),
    Column("TOKENS", right=True, rank=8),
    Column("COST", right=True, rank=7),
    Column("WAITS", right=True, rank=10),
    Column("OWNER", least=5, rank=2),
)


@click.command()
@click.option(
    "--node", metavar="NODE", shell_complete=completed(ids.nodes), help="Show only the agents of this cluster node."
)
@json_option
@daemon_options
def ps(node: str | None, as_json: bool, **options: Any) -> None:
    """List the agents that run, and their streams. In a cluster, those of all nodes.

    AGE, TOKENS and COST are those of the turn. WAITS is the number of its calls that wait for a decision.
    """
    ask(options, lambda client: _ps(client, node, as_json=as_json))


async def _ps(client: Client, node: str | None, *, as_json: bool) -> None:
    if as_json:
        async for agent in _agents(client, node):
            say_json([agent])
        return
    say_table(COLUMNS, [row async for agent in _agents(client, node) for row in _rows(agent)])
    for agent in (await client.get("/restarts"))["agents"]:
        say(_crashed(agent))


async def _agents(client: Client, node: str | None) -> AsyncIterator[Any]:
    """Yield the running agents as the gateway describes them. node: only those of this node."""
    async for agent in ids.pages(client, "/agents", "agents"):
        if node is None or await _owner(client, agent["id"]) == node:
            with suppress(Refused):  # the agent ended meanwhile
                yield await client.get(path("agents", agent["id"]))


async def _owner(client: Client, agent_id: str) -> str | None:
    """Return the name of the node that has the agent."""
    owners: dict[str, str] = (await client.get(f"/cluster/owners?{urlencode({'id': agent_id})}"))["owners"]
    return owners.get(agent_id)


def _crashed(agent: Any) -> str:
    """Return a line about an agent that has crashed."""
    crash, next_s = agent["crash"], agent["next_s"]
    last = " at ".join(filter(None, (crash["exception"] or crash["reason"], crash["where"])))
    state = agent["state"] if next_s is None else f"restarts in {next_s:.1f} s"
    hint = f": understudy reset {agent['id']}" if agent["state"] == "held" else ""
    return one_line(f"{agent['id']}: {state}, crashes {agent['crashes']}, the last one by {last}{hint}")


def _rows(agent: Any) -> list[tuple[str, ...]]:
    """Return one row per stream, or one row for an agent without streams."""
    own = agent["id"], _cell(agent["name"]), _cell(agent["model"]), str(agent["messages"])
    owner = one_line(agent.get("owner") or NOTHING)
    none = {"id": NOTHING, "status": NOTHING, "seq": NOTHING}
    return [(*own, *_stream(stream), owner) for stream in agent["streams"] or [none]]


def _stream(stream: Any) -> tuple[str, ...]:
    began_at, cost = stream.get("began_at"), stream.get("cost")
    return (
        stream["id"],
        stream["status"],
        str(stream["seq"]),
        span_of(None if began_at is None else time() - began_at),
        _known(stream.get("tokens")),
        NOTHING if cost is None else f"{cost:.4f}",
        NOTHING if stream["id"] == NOTHING else str(stream.get("waiting", 0)),
    )


def _known(count: int | None) -> str:
    return NOTHING if count is None else str(count)


def _cell(text: str) -> str:
    """Return text that a client chose, on one line and cut to LONGEST characters."""
    return cut(one_line(text), LONGEST)
