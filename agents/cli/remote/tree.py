"""`understudy tree` of a daemon: its supervision tree."""

from typing import Any

import msgspec

from agents.cli.listing import say_json, terminal_width
from agents.cli.printing import say
from agents.cli.remote.connection import ask
from agents.cli.view.processes import tree_text
from agents.cli.view.table import cropped
from agents.client import Client
from supervisors import Node


def show_tree(options: dict[str, Any], node: str | None, *, as_json: bool) -> None:
    """Print the supervision tree of the daemon, or of another node of its cluster."""
    of_node = {} if node is None else {"node": node}

    async def show(client: Client) -> None:
        tree = await client.get("/tree", **of_node)
        if as_json:
            say_json([tree])
            return
        turns = (await client.get("/overview", count=1, children=1, **of_node))["turns"]
        streams = {turn["agent_id"]: turn["stream_id"] for turn in turns}
        for line in tree_text(msgspec.convert(tree, Node), streams).splitlines():
            say(cropped(line, terminal_width()))

    ask(options, show)
