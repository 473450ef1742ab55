"""Commands about one stream: tail, cancel, approve, deny, steer."""

import sys
from contextlib import aclosing
from typing import Any

import click

from agents.cli.exit_codes import ExitCode, code_of_fault
from agents.cli.printing import say
from agents.cli.refusal import refuse
from agents.cli.remote.connection import ask, daemon_options
from agents.cli.view.screen import open_screen
from agents.client import Client
from agents.client.client import path
from agents.core.errors import Cancelled
from agents.core.events import Event, StreamError
from agents.rehearsal.whole_number import WholeNumber

stream_argument = click.argument("stream_id", metavar="STREAM")
call_argument = click.argument("call_id", metavar="CALL")


@click.command()
@stream_argument
@click.option("--after", default=0, type=WholeNumber(min=0), metavar="SEQ", help="Show only events after this number.")
@daemon_options
def tail(stream_id: str, after: int, **options: Any) -> None:
    """Show the events of a stream until it ends.

    The command reconnects after a broken connection or a restart of the daemon.
    """

    async def follow(client: Client) -> int:
        last: Event | None = None
        with open_screen(sys.stdout, sys.stderr) as screen:
            async with aclosing(client.events(stream_id, after)) as events:
                async for last in events:
                    screen.show(last)
        return ExitCode.DONE if last is None else _code_of_end(last)

    ask(options, follow)


@click.command()
@stream_argument
@daemon_options
def cancel(stream_id: str, **options: Any) -> None:
    """Cancel a turn. The partial answer stays in the conversation."""

    async def do(client: Client) -> None:
        done = (await client.post(path("streams", stream_id, "cancel")))["cancelled"]
        say("cancelled" if done else "the turn is over")

    ask(options, do)


@click.command()
@stream_argument
@call_argument
@click.option(
    "--arguments",
    metavar="JSON",
    help="Approve only if the call has exactly this text as its arguments.",
)
@click.option("--edited", metavar="JSON", help="Run the call with these arguments. The model is told.")
@daemon_options
def approve(stream_id: str, call_id: str, arguments: str | None, edited: str | None, **options: Any) -> None:
    """Approve a tool call that waits for a decision."""
    body = {"call_id": call_id, "arguments": arguments, "edited": edited}
    ask(options, lambda client: _decide(client, stream_id, "approve", body))


@click.command()
@stream_argument
@call_argument
@click.option("--reason", default="", metavar="TEXT", help="The reason, which the model reads.")
@daemon_options
def deny(stream_id: str, call_id: str, reason: str, **options: Any) -> None:
    """Deny a tool call that waits for a decision."""
    ask(options, lambda client: _decide(client, stream_id, "deny", {"call_id": call_id, "reason": reason}))


@click.command()
@stream_argument
@click.argument("message")
@daemon_options
def steer(stream_id: str, message: str, **options: Any) -> None:
    """Add a user message to a running turn."""

    async def do(client: Client) -> None:
        await client.post(path("streams", stream_id, "steer"), {"message": message})
        say("message added")

    ask(options, do)


def _code_of_end(last: Event) -> ExitCode:
    """Print a fault on stderr, and return the exit code. A turn that another client cancelled has failed here."""
    if not isinstance(last, StreamError):
        return ExitCode.DONE
    cancelled = isinstance(last.reason, Cancelled)
    return refuse(str(last.reason), code=ExitCode.FAILED_TURN if cancelled else code_of_fault(last.reason))


async def _decide(client: Client, stream_id: str, what: str, body: dict[str, Any]) -> None:
    say((await client.post(path("streams", stream_id, what), body))["decision"])
