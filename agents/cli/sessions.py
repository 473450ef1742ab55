"""`understudy sessions`: what the store has of the agents' conversations. Works beside a daemon that writes it.

With --url the daemon there is asked, which lists and shows; what changes sessions is done on their store.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
import msgspec

from agents.cli import WRONG_USE
from agents.cli.remote.connection import ask, daemon_options
from agents.cli.view.printable import one_line, printable
from agents.client import Client
from agents.client.client import path
from agents.core.conversation import AssistantMessage, Message, SystemMessage, ToolMessage, UserMessage
from agents.sessions import SessionError, SessionInfo, Store, StreamInfo, history, store_url
from agents.sessions.errors import UnknownSession

TITLE_CHARS = 60

store_option = click.option(
    "--store", "url", metavar="URL", help="sqlite:///FILE or postgresql://...; default: the daemon's own file."
)
session_argument = click.argument("session_id", metavar="SESSION")


@click.group("sessions")
@daemon_options
@click.pass_context
def sessions(context: click.Context, /, **options: Any) -> None:
    """List, read, rename, delete, export and fork sessions: in the store of --state-dir, or of a daemon at --url."""
    context.obj = options


@sessions.command("list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(min=1), help="Those that changed last.")
@click.option("--after", metavar="SESSION", help="Only those behind this one: the next page.")
@store_option
def list_command(url: str | None, limit: int, after: str | None) -> None:
    """A line each: id, last change, messages, title. Of a daemon at --url: id, name, whether its agent runs."""
    if (options := _daemon()) is not None:
        ask(options, lambda client: _listed(client, limit, after))

    async def show(store: Store) -> None:
        if after is not None and await store.session(after) is None:
            raise UnknownSession(after)
        for session in await store.sessions(after, limit):
            click.echo(_line(session))

    _with_store(url, show)


@sessions.command("show")
@session_argument
@store_option
def show_command(url: str | None, session_id: str) -> None:
    """Its conversation, and its streams."""
    if (options := _daemon()) is not None:
        ask(options, lambda client: _shown(client, session_id))

    async def show(store: Store) -> None:
        session = await store.session(session_id)
        if session is None:
            raise UnknownSession(session_id)
        click.echo(_line(session))
        for message in await store.conversation(session_id):
            click.echo(f"\n{_message(message)}")
        for stream in await store.streams(session_id):
            click.echo(f"\n{_stream(stream)}")

    _with_store(url, show)


@sessions.command("rename")
@session_argument
@click.argument("title")
@store_option
def rename_command(url: str | None, session_id: str, title: str) -> None:
    """Give it a TITLE; an empty one takes the title away."""
    _with_store(url, lambda store: history.rename(store, session_id, title or None))


@sessions.command("delete")
@session_argument
@store_option
def delete_command(url: str | None, session_id: str) -> None:
    """Delete all of it: conversation, streams, events."""
    _with_store(url, lambda store: history.delete(store, session_id))


@sessions.command("export")
@session_argument
@store_option
def export_command(url: str | None, session_id: str) -> None:
    """All of it as JSON Lines, to stdout."""

    async def write(store: Store) -> None:
        out = sys.stdout.buffer
        async for line in history.export(store, session_id):
            out.write(line)
        out.flush()

    _with_store(url, write)


@sessions.command("fork")
@session_argument
@click.option("--as", "new_id", metavar="ID", help="Of the new session; default: one that is made up.")
@click.option("--stream", metavar="STREAM", help="Take the conversation as it was in this stream.")
@click.option("--seq", type=click.IntRange(min=0), help="Of its event; 0: before its message; default: the last one.")
@store_option
def fork_command(url: str | None, session_id: str, new_id: str | None, stream: str | None, seq: int | None) -> None:
    """A new session that goes on from SESSION's conversation. Prints its id."""
    if seq is not None and stream is None:
        raise click.UsageError("--seq is of an event: expected --stream, too")
    new = new_id or uuid4().hex

    async def fork(store: Store) -> None:
        await history.fork(store, session_id, new, await _place(store, stream, seq))
        click.echo(new)

    _with_store(url, fork)


async def _place(store: Store, stream: str | None, seq: int | None) -> tuple[str, int] | None:
    if stream is None:
        return None
    if seq is None:
        info = await store.stream(stream)
        seq = info.last_seq if info is not None else 0
    return stream, seq


def _daemon() -> dict[str, Any] | None:
    """How to come to the one that is to be asked; None: the store is."""
    options: dict[str, Any] = click.get_current_context().obj
    return options if options["url"] is not None else None


async def _listed(client: Client, limit: int, after: str | None) -> None:
    query: dict[str, str | int] = {"limit": limit} | ({} if after is None else {"after": after})
    for session in (await client.get("/sessions", **query))["sessions"]:
        click.echo(f"{session['id']}  {one_line(session['name'])}{'  runs' if session['live'] else ''}")


async def _shown(client: Client, session_id: str) -> None:
    told = await client.get(path("sessions", session_id))
    click.echo(told["id"])
    for message in msgspec.convert(told["conversation"], list[Message]):
        click.echo(f"\n{_message(message)}")


def _with_store(url: str | None, use: Callable[[Store], Awaitable[None]]) -> None:
    """What goes wrong is one line, and the exit code that says so."""
    options = click.get_current_context().obj
    if options["url"] is not None:
        raise click.UsageError("--url is for list and show: expected --store, or --state-dir")
    state_dir = options["state_dir"]

    async def run() -> None:
        async with _opened(url, state_dir) as store:
            await use(store)

    try:
        asyncio.run(run())
    except (SessionError, ValueError) as error:
        click.echo(f"understudy: {one_line(str(error))}", err=True)
        raise click.exceptions.Exit(WRONG_USE) from None


@asynccontextmanager
async def _opened(url: str | None, state_dir: Path | None) -> AsyncIterator[Store]:
    store = await Store.open(store_url(url, state_dir), create=False)
    try:
        yield store
    finally:
        await store.close()


def _line(session: SessionInfo) -> str:
    title = one_line(session.title or session.name)[:TITLE_CHARS]
    return f"{session.id}  {_time(session.updated_at)}  {session.message_count:>5}  {title}"


def _stream(stream: StreamInfo) -> str:
    return f"stream {stream.id}  {_time(stream.begun_at)}  {stream.status}  {stream.last_seq} events"


def _message(message: Message) -> str:
    """Its text, and the names of what it called."""
    calls = message.tool_calls if isinstance(message, AssistantMessage) else ()
    called = "".join(f"\n  calls {one_line(call.name)}" for call in calls)
    return f"{_speaker(message)}: {printable(message.content)}{called}"


def _speaker(message: Message) -> str:
    match message:
        case SystemMessage():
            return "system"
        case UserMessage():
            return "user"
        case AssistantMessage(partial=partial):
            return "assistant, cut" if partial else "assistant"
        case ToolMessage(name=name):
            return f"tool {one_line(name)}"


def _time(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"
