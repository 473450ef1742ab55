"""`understudy sessions list | show | rename | delete | export | fork | prune`."""

import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import click

from agents.cli.group import Group
from agents.cli.listing import json_option, say_json, say_list
from agents.cli.printing import say
from agents.cli.remote.ids import by_id, whole_id
from agents.cli.sessions.ids import PAGE, complete_session, session_ids, stream_ids
from agents.cli.sessions.lines import COLUMNS, line_of, lines_of, row_of
from agents.cli.sessions.place import Sessions, carry_out, place_options
from agents.cli.sessions.prune import prune_command
from agents.client import SessionInfo
from agents.rehearsal.whole_number import WholeNumber

T = TypeVar("T")

session_argument = click.argument("session_id", metavar="SESSION", shell_complete=complete_session)


@click.group("sessions", cls=Group)
@place_options
@click.pass_context
def sessions(context: click.Context, /, **options: Any) -> None:
    """List, show, rename, delete, export, fork and prune kept sessions.

    The command asks the running daemon, or the one at --url. If no daemon runs, the command opens the store that the
    configuration or --store names.
    """
    context.obj = options


sessions.add_command(prune_command)


@sessions.command("list")
@click.option("--limit", default=20, show_default=True, type=WholeNumber(min=1), help="The number of sessions to list.")
@click.option(
    "--after",
    metavar="SESSION",
    shell_complete=complete_session,
    help="List only sessions after this one: the next page.",
)
@json_option
@place_options
def list_command(limit: int, after: str | None, as_json: bool, **options: Any) -> None:
    """List sessions, latest change first: id, last change, messages, whether the agent runs, owner and title."""

    async def show(source: Sessions) -> None:
        found = await _page(source, after, min(limit, PAGE))
        while (
            found
            and len(found) < limit
            and (page := await source.sessions(found[-1].id, min(limit - len(found), PAGE)))
        ):
            found += page
        say_list(found, COLUMNS, row_of, as_json=as_json)

    carry_out(options, show)


@sessions.command("show")
@session_argument
@json_option
@place_options
def show_command(session_id: str, as_json: bool, **options: Any) -> None:
    """Show a session's conversation and streams."""

    async def show(source: Sessions) -> None:
        session = await _by_id(source, session_id, source.session)
        if as_json:
            say_json([session])
            return
        for line in lines_of(session):
            say(line)

    carry_out(options, show)


@sessions.command("rename")
@session_argument
@click.argument("title")
@place_options
def rename_command(session_id: str, title: str, **options: Any) -> None:
    """Set a session's title. An empty TITLE removes it."""

    async def rename(source: Sessions) -> None:
        await _by_id(source, session_id, lambda id_: source.rename_session(id_, title or None))
        say("renamed" if title else "the title is removed")

    carry_out(options, rename)


@sessions.command("delete")
@session_argument
@click.option("--yes", "-y", "sure", is_flag=True, help="Do not ask. SESSION is then a whole id.")
@place_options
def delete_command(session_id: str, sure: bool, **options: Any) -> None:
    """Delete a session for ever: its conversation, streams and events.

    On a terminal the command shows the session and asks first; elsewhere it needs --yes. The session's agent is stopped
    before. The command is refused while the agent runs a turn.
    """
    if not sure and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("expected --yes, since nobody can be asked: stdin or stdout is not a terminal")

    async def delete(source: Sessions) -> None:
        whole = session_id
        if not sure:
            session = await _by_id(source, session_id, source.session)
            say(line_of(session))
            if not click.confirm("Delete this session for ever?"):
                return
            whole = session.id
        await source.delete_session(whole)
        say("deleted")

    carry_out(options, delete)


@sessions.command("export")
@session_argument
@place_options
def export_command(session_id: str, **options: Any) -> None:
    """Write a session to stdout as JSON Lines."""

    async def write(source: Sessions, id_: str) -> None:
        out = sys.stdout.buffer
        async for piece in source.export_session(id_):
            out.write(piece)
        out.flush()

    carry_out(options, lambda source: _by_id(source, session_id, lambda id_: write(source, id_)))


@sessions.command("fork")
@session_argument
@click.option("--as", "new_id", metavar="ID", help="The id of the new session. Default: a random one.")
@click.option("--stream", metavar="STREAM", help="Copy the conversation only up to this stream.")
@click.option(
    "--seq",
    type=WholeNumber(min=0),
    help="Copy only up to this event of --stream; 0: up to the beginning of --stream. Default: its last event.",
)
@place_options
def fork_command(session_id: str, new_id: str | None, stream: str | None, seq: int | None, **options: Any) -> None:
    """Make a new session from a copy of SESSION's conversation, and print its id."""
    if seq is not None and stream is None:
        raise click.UsageError("--seq is the number of an event: expected --stream, too, got --seq only")

    async def fork(source: Sessions, id_: str) -> str:
        at = None if stream is None else (await whole_id(stream, stream_ids(source, id_)), seq)
        return await source.fork_session(id_, new_id, at)

    async def do(source: Sessions) -> None:
        say(await _by_id(source, session_id, lambda id_: fork(source, id_)))

    carry_out(options, do)


async def _page(source: Sessions, after: str | None, limit: int) -> list[SessionInfo]:
    if after is None:
        return await source.sessions(None, limit)
    return await _by_id(source, after, lambda id_: source.sessions(id_, limit))


async def _by_id(source: Sessions, given: str, request: Callable[[str], Awaitable[T]]) -> T:
    return await by_id(given, session_ids(source), request)
