"""Commands about one stream: tail, cancel, approve, deny, answer, steer."""

import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import click

from agents.cli.exit_codes import ExitCode, code_of_fault
from agents.cli.listing import json_option, say_json
from agents.cli.printing import say
from agents.cli.refusal import refuse
from agents.cli.remote.completion import stream_argument
from agents.cli.remote.connection import ask, daemon_options
from agents.cli.remote.decisions import call_argument, decide, deciding_argument
from agents.cli.remote.ids import by_id, streams
from agents.cli.view.screen import open_screen
from agents.client import Client
from agents.client.paths import path
from agents.contract.wire import data_of, name_of
from agents.core.errors import Cancelled
from agents.core.events import Event, StreamError
from agents.rehearsal.whole_number import WholeNumber


@click.command()
@stream_argument
@click.option("--after", default=0, type=WholeNumber(min=0), metavar="SEQ", help="Show only events after this number.")
@json_option
@daemon_options
def tail(stream_id: str, after: int, as_json: bool, **options: Any) -> None:
    """Show the events of a stream until it ends.

    The command reconnects after a broken connection or a restart of the daemon.
    """
    show = _print if as_json else _show

    async def follow(client: Client) -> int:
        last = await by_id(stream_id, streams(client), lambda id_: show(client.events(id_, after)))
        return ExitCode.DONE if last is None else _code_of_end(last)

    ask(options, follow)


async def _show(stream: AsyncGenerator[Event, None]) -> Event | None:
    """Show the events on the screen; return the last one."""
    last: Event | None = None
    with open_screen(sys.stdout, sys.stderr) as screen:
        async with aclosing(stream) as events:
            async for last in events:
                screen.show(last)
    return last


async def _print(stream: AsyncGenerator[Event, None]) -> Event | None:
    """Print each event as a line of JSON, with its name, seq and data as on the wire; return the last one."""
    last: Event | None = None
    async with aclosing(stream) as events:
        async for last in events:
            say_json([{"event": name_of(last), "id": last.seq, "data": data_of(last)}])
    return last


def _code_of_end(last: Event) -> ExitCode:
    """Print a fault on stderr, and return the exit code. A turn that another client cancelled has failed here."""
    if not isinstance(last, StreamError):
        return ExitCode.DONE
    cancelled = isinstance(last.reason, Cancelled)
    return refuse(str(last.reason), code=ExitCode.FAILED_TURN if cancelled else code_of_fault(last.reason))


@click.command()
@stream_argument
@daemon_options
def cancel(stream_id: str, **options: Any) -> None:
    """Cancel a turn. The partial answer stays in the conversation."""

    async def do(client: Client) -> None:
        answer = await by_id(stream_id, streams(client), lambda id_: client.post(path("streams", id_, "cancel")))
        say("cancelled" if answer["cancelled"] else "the turn is over")

    ask(options, do)


@click.command()
@deciding_argument
@call_argument
@click.option(
    "--arguments",
    metavar="JSON",
    help="Approve only if the call has exactly this text as its arguments.",
)
@click.option("--edited", metavar="JSON", help="Run the call with these arguments. The model reads them.")
@click.option(
    "--always",
    type=click.Choice(["tool", "session"]),
    help="Approve later calls of the tool, too: those of the agent, or those in this session.",
)
@click.option("--same-arguments", is_flag=True, help="With --always: only calls with the arguments of this one.")
@daemon_options
def approve(stream_id: str, call_id: str | None, **options: Any) -> None:
    """Approve a tool call that waits for a decision. Without CALL, the only one that waits in STREAM."""
    if options["same_arguments"] and options["always"] is None:
        raise click.UsageError("--same-arguments limits --always: expected --always, too, got --same-arguments only")
    chosen = ("arguments", "edited", "always", "same_arguments")
    body = {"call_id": call_id, **{name: options.pop(name) for name in chosen}}
    ask(options, lambda client: _decide(client, stream_id, "approve", body))


@click.command()
@deciding_argument
@call_argument
@click.option("--reason", default="", metavar="TEXT", help="The reason, which the model reads.")
@daemon_options
def deny(stream_id: str, call_id: str | None, reason: str, **options: Any) -> None:
    """Deny a tool call that waits for a decision. Without CALL, the only one that waits in STREAM."""
    ask(options, lambda client: _decide(client, stream_id, "deny", {"call_id": call_id, "reason": reason}))


@click.command()
@deciding_argument
@click.argument("words", nargs=-1, required=True, metavar="[CALL] ANSWER")
@click.option("--also", multiple=True, metavar="ANSWER", help="A further choice, if the question accepts several.")
@daemon_options
def answer(stream_id: str, words: tuple[str, ...], also: tuple[str, ...], **options: Any) -> None:
    """Answer a question that waits. Without CALL, the only one that waits in STREAM.

    ANSWER is the text, or one of the question's choices.
    """
    if len(words) > 2:
        raise click.UsageError(f"expected an answer of one word or in quotes, got {len(words)} arguments")
    body = {"call_id": words[0] if len(words) == 2 else None, "answer": [words[-1], *also] if also else words[-1]}
    ask(options, lambda client: _decide(client, stream_id, "answer", body))


@click.command()
@stream_argument
@click.argument("message")
@daemon_options
def steer(stream_id: str, message: str, **options: Any) -> None:
    """Add a user message to a running turn."""

    async def do(client: Client) -> None:
        body = {"message": message}
        await by_id(stream_id, streams(client), lambda id_: client.post(path("streams", id_, "steer"), body))
        say("message added")

    ask(options, do)


async def _decide(client: Client, stream_id: str, what: str, body: dict[str, Any]) -> None:
    say(await decide(client, stream_id, what, body))
