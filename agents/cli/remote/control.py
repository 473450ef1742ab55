"""Commands to the daemon as a whole, and to an agent: stop, reset, reload, stop-daemon."""

from typing import Any

import click

from agents.cli.exit_codes import ExitCode
from agents.cli.printing import say
from agents.cli.remote.completion import agent_argument, completed
from agents.cli.remote.connection import ask, daemon_options
from agents.cli.remote.ids import agents, by_id, crashed_agents
from agents.cli.view.printable import one_line
from agents.client import Client
from agents.client.paths import path


@click.command()
@agent_argument
@daemon_options
def stop(agent_id: str, **options: Any) -> None:
    """Stop an agent. Its session stays."""

    async def do(client: Client) -> None:
        await by_id(agent_id, agents(client), lambda id_: client.delete(path("agents", id_)))
        say("stopped")

    ask(options, do)


@click.command()
@click.argument("agent_id", metavar="AGENT", shell_complete=completed(crashed_agents))
@daemon_options
def reset(agent_id: str, **options: Any) -> None:
    """Forget the crashes of an agent, and start it if it is held.

    `understudy ps` shows the agents that have crashed.
    """

    async def do(client: Client) -> None:
        await by_id(agent_id, crashed_agents(client), lambda id_: client.post(path("agents", id_, "reset")))
        say("reset")

    ask(options, do)


@click.command("reload")
@daemon_options
def reload_command(**options: Any) -> None:
    """Make the daemon read its configuration again, and print each change.

    The exit code is 1 if the daemon rejected a change.
    """

    async def do(client: Client) -> int:
        report = await client.post("/reload")
        for outcome, changes in report.items():
            for change in changes:
                say(f"{outcome.replace('_', ' ')}: {one_line(change)}")
        if not any(report.values()):
            say("nothing has changed")
        return ExitCode.FOUND if report["rejected"] else ExitCode.DONE

    ask(options, do)


@click.command("stop-daemon")
@daemon_options
def stop_daemon(**options: Any) -> None:
    """Stop the daemon, as SIGTERM does.

    Running turns can finish, for at most daemon.drain_time.
    """

    async def do(client: Client) -> None:
        await client.post("/stop")
        say("the daemon ends after its running turns")

    ask(options, do)
