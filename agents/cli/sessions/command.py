"""`understudy sessions list | show | rename | delete | export | fork`."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import click

from actors import InvalidArgument
from agents.cli import INTERRUPTED
from agents.cli.printing import say
from agents.cli.refusal import refuse
from agents.cli.sessions.lines import line_of, lines_of
from agents.cli.sessions.place import Sessions, given, opened, place_options
from agents.client import ClientError
from agents.sessions import SessionError

PAGE = 1000

session_argument = click.argument("session_id", metavar="SESSION")


@click.group("sessions")
@place_options
@click.pass_context
def sessions(context: click.Context, /, **options: Any) -> None:
    """List, read, rename, delete, export and fork sessions.

    The daemon that runs here is asked, or the one at --url; where none runs, the store is opened, or that of --store.
    """
    context.obj = options


@sessions.command("list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(min=1), help="Those that changed last.")
@click.option("--after", metavar="SESSION", help="Only those behind this one: the next page.")
@place_options
def list_command(limit: int, after: str | None, **options: Any) -> None:
    """A line each: id, last change, messages, title, and whether its agent runs."""

    async def show(known: Sessions) -> None:
        left, place = limit, after
        while left and (page := await known.sessions(place, min(left, PAGE))):
            for session in page:
                say(line_of(session))
            left, place = left - len(page), page[-1].id

    _carry_out(options, show)


@sessions.command("show")
@session_argument
@place_options
def show_command(session_id: str, **options: Any) -> None:
    """Its conversation, and its streams."""

    async def show(known: Sessions) -> None:
        for line in lines_of(await known.session(session_id)):
            say(line)

    _carry_out(options, show)


@sessions.command("rename")
@session_argument
@click.argument("title")
@place_options
def rename_command(session_id: str, title: str, **options: Any) -> None:
    """Give it a TITLE; an empty one takes the title away."""
    _carry_out(options, lambda known: known.rename_session(session_id, title or None))


@sessions.command("delete")
@session_argument
@place_options
def delete_command(session_id: str, **options: Any) -> None:
    """Delete all of it: conversation, streams, events. Its agent is stopped; not while it answers."""
    _carry_out(options, lambda known: known.delete_session(session_id))


@sessions.command("export")
@session_argument
@place_options
def export_command(session_id: str, **options: Any) -> None:
    """All of it as JSON Lines, to stdout."""

    async def write(known: Sessions) -> None:
        out = sys.stdout.buffer
        async for piece in known.export_session(session_id):
            out.write(piece)
        out.flush()

    _carry_out(options, write)


@sessions.command("fork")
@session_argument
@click.option("--as", "new_id", metavar="ID", help="Of the new session; default: one that is made up.")
@click.option("--stream", metavar="STREAM", help="Take the conversation as it was in this stream.")
@click.option("--seq", type=click.IntRange(min=0), help="Of its event; 0: before its message; default: the last one.")
@place_options
def fork_command(session_id: str, new_id: str | None, stream: str | None, seq: int | None, **options: Any) -> None:
    """A new session that goes on from SESSION's conversation. Prints its id."""
    if seq is not None and stream is None:
        raise click.UsageError("--seq is of an event: expected --stream, too")
    at = None if stream is None else (stream, seq)

    async def fork(known: Sessions) -> None:
        say(await known.fork_session(session_id, new_id, at))

    _carry_out(options, fork)


def _carry_out(options: dict[str, Any], work: Callable[[Sessions], Awaitable[None]]) -> None:
    """What goes wrong is one line, and the exit code that says so."""
    where = given(options)

    async def run() -> None:
        async with opened(**where) as known:
            await work(known)

    try:
        asyncio.run(run())
    except (ClientError, InvalidArgument, SessionError) as error:
        sys.exit(refuse(str(error)))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
