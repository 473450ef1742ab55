"""`understudy sessions list | show | rename | delete | export | fork`."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import click

from actors import InvalidArgument
from agents.cli.exit_codes import ExitCode
from agents.cli.group import Group
from agents.cli.printing import say
from agents.cli.refusal import fail
from agents.cli.sessions.lines import line_of, lines_of
from agents.cli.sessions.place import Sessions, merged_options, open_sessions, place_options
from agents.client import ClientError
from agents.rehearsal.whole_number import WholeNumber
from agents.sessions import SessionError

PAGE = 1000

session_argument = click.argument("session_id", metavar="SESSION")


@click.group("sessions", cls=Group)
@place_options
@click.pass_context
def sessions(context: click.Context, /, **options: Any) -> None:
    """List, show, rename, delete, export and fork kept sessions.

    The command asks the running daemon, or the one at --url. If no daemon runs, the command opens the store that the
    configuration or --store names.
    """
    context.obj = options


@sessions.command("list")
@click.option("--limit", default=20, show_default=True, type=WholeNumber(min=1), help="The number of sessions to list.")
@click.option("--after", metavar="SESSION", help="List only sessions after this one: the next page.")
@place_options
def list_command(limit: int, after: str | None, **options: Any) -> None:
    """List sessions, latest change first: id, last change, messages, title, and whether the agent runs."""

    async def show(source: Sessions) -> None:
        left, place = limit, after
        while left and (page := await source.sessions(place, min(left, PAGE))):
            for session in page:
                say(line_of(session))
            left, place = left - len(page), page[-1].id

    _carry_out(options, show)


@sessions.command("show")
@session_argument
@place_options
def show_command(session_id: str, **options: Any) -> None:
    """Show a session's conversation and streams."""

    async def show(source: Sessions) -> None:
        for line in lines_of(await source.session(session_id)):
            say(line)

    _carry_out(options, show)


@sessions.command("rename")
@session_argument
@click.argument("title")
@place_options
def rename_command(session_id: str, title: str, **options: Any) -> None:
    """Set a session's title. An empty TITLE removes it."""
    _carry_out(options, lambda source: source.rename_session(session_id, title or None))


@sessions.command("delete")
@session_argument
@click.option("--yes", "-y", "sure", is_flag=True, help="Do not ask.")
@place_options
def delete_command(session_id: str, sure: bool, **options: Any) -> None:
    """Delete a session for ever: its conversation, streams and events.

    On a terminal the command asks first. The session's agent is stopped before. The command is refused while the agent
    runs a turn.
    """

    async def delete(source: Sessions) -> None:
        if not sure and sys.stdin.isatty() and sys.stdout.isatty():
            say(line_of(await source.session(session_id)))
            if not click.confirm("Delete this session for ever?"):
                return
        await source.delete_session(session_id)

    _carry_out(options, delete)


@sessions.command("export")
@session_argument
@place_options
def export_command(session_id: str, **options: Any) -> None:
    """Write a session to stdout as JSON Lines."""

    async def write(source: Sessions) -> None:
        out = sys.stdout.buffer
        async for piece in source.export_session(session_id):
            out.write(piece)
        out.flush()

    _carry_out(options, write)


@sessions.command("fork")
@session_argument
@click.option("--as", "new_id", metavar="ID", help="The id of the new session. Default: a random one.")
@click.option("--stream", metavar="STREAM", help="Copy the conversation only up to this stream.")
@click.option(
    "--seq",
    type=WholeNumber(min=0),
    help="Copy it only up to this event of --stream; 0: up to its user message, without it. Default: its last event.",
)
@place_options
def fork_command(session_id: str, new_id: str | None, stream: str | None, seq: int | None, **options: Any) -> None:
    """Make a new session from a copy of SESSION's conversation, and print its id."""
    if seq is not None and stream is None:
        raise click.UsageError("--seq is the number of an event: expected --stream, too, got --seq only")
    at = None if stream is None else (stream, seq)

    async def fork(source: Sessions) -> None:
        say(await source.fork_session(session_id, new_id, at))

    _carry_out(options, fork)


def _carry_out(options: dict[str, Any], work: Callable[[Sessions], Awaitable[None]]) -> None:
    """Do the work. Report an error in one line, with its exit code."""
    where = merged_options(options)

    async def run() -> None:
        async with open_sessions(**where) as source:
            await work(source)

    try:
        asyncio.run(run())
    except (ClientError, InvalidArgument, SessionError) as error:
        sys.exit(fail(error))
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
