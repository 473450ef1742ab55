"""Commands to the daemon as a whole, and to an agent: stop, reload, stop-daemon."""

from typing import Any

import click

from agents.cli.printing import say
from agents.cli.remote.connection import ask, daemon_options
from agents.cli.view.printable import one_line
from agents.client import Client
from agents.client.client import path

REJECTED = 1


@click.command()
@click.argument("agent_id", metavar="AGENT")
@daemon_options
def stop(agent_id: str, **options: Any) -> None:
    """End an agent. Its session stays."""

    async def do(client: Client) -> None:
        await client.delete(path("agents", agent_id))
        say("stopped")

    ask(options, do)


@click.command("reload")
@daemon_options
def reload_command(**options: Any) -> None:
    """Read the configuration again. Exit code 1: something of it was rejected."""

    async def do(client: Client) -> int:
        told = await client.post("/reload")
        for outcome, changes in told.items():
            for change in changes:
                say(f"{outcome.replace('_', ' ')}: {one_line(change)}")
        if not any(told.values()):
            say("nothing has changed")
        return REJECTED if told["rejected"] else 0

    ask(options, do)


@click.command("stop-daemon")
@daemon_options
def stop_daemon(**options: Any) -> None:
    """End the daemon as SIGTERM does: turns that run get their time."""

    async def do(client: Client) -> None:
        await client.post("/stop")
        say("it ends when its turns have")

    ask(options, do)
