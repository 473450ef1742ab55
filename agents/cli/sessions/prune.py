"""`understudy sessions prune`: delete the sessions that nobody has used for a time."""

import sys
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import click

from agents.cli.listing import json_option, say_json, say_table
from agents.cli.moment import AGES, age_of, before_now
from agents.cli.printing import complain
from agents.cli.sessions.ids import PAGE
from agents.cli.sessions.lines import COLUMNS, row_of
from agents.cli.sessions.place import Sessions, carry_out, place_options
from agents.cli.view.printable import one_line
from agents.client import Refused, SessionInfo
from agents.sessions import SessionError, StoreUnavailable, WriteFailed


def _age(context: click.Context, parameter: click.Parameter, given: str) -> timedelta:
    if (age := age_of(given)) is None:
        raise click.BadParameter(f"expected an age in minutes, hours, days or weeks, such as {AGES}, got {given!r}")
    return age


@click.command("prune")
@click.option(
    "--older-than",
    "age",
    required=True,
    callback=_age,
    metavar="AGE",
    help="The time since the last change: 90m, 12h, 30d, 8w.",
)
@click.option("--owner", metavar="USER", help="Delete only the sessions of this user.")
@click.option("--agent", metavar="AGENT", help="Delete only the sessions with this agent's id or name.")
@click.option("--dry-run", is_flag=True, help="List the sessions, and delete none.")
@click.option("--yes", "-y", "sure", is_flag=True, help="Do not ask at a terminal.")
@json_option
@place_options
def prune_command(
    age: timedelta, owner: str | None, agent: str | None, dry_run: bool, sure: bool, as_json: bool, **options: Any
) -> None:
    """Delete the sessions that have not changed for a time, and list them.

    A session whose agent runs is kept, and so is one with a turn that is not over.
    """
    limit = before_now(age)

    async def prune(source: Sessions) -> None:
        found = [each async for each in _unused(source, limit) if _fits(each, owner, agent)]
        if as_json:
            say_json(found)
        elif found:
            say_table(COLUMNS, map(row_of, found))
        if dry_run:
            complain(f"{_count(found)} would be deleted")
        elif found and not sure and sys.stdin.isatty() and sys.stdout.isatty():
            if click.confirm(f"Delete {_count(found)} for ever?"):
                await _delete(source, found, limit)
        else:
            await _delete(source, found, limit)

    carry_out(options, prune)


async def _unused(source: Sessions, limit: datetime) -> AsyncIterator[SessionInfo]:
    """Yield the sessions that last changed before the limit and whose agents do not run."""
    place: str | None = None
    while page := await source.sessions(place, PAGE):
        for session in page:
            if session.updated_at is not None and session.updated_at < limit and not session.live:
                yield session
        place = page[-1].id


def _fits(session: SessionInfo, owner: str | None, agent: str | None) -> bool:
    return owner in (None, session.owner) and agent in (None, session.id, session.name)


async def _delete(source: Sessions, found: list[SessionInfo], limit: datetime) -> None:
    """Delete the sessions that have still not changed since the limit."""
    deleted = 0
    for session in found:
        try:
            await source.delete_session(session.id, unused_since=limit)
            deleted += 1
        except (Refused, SessionError) as refused:
            if isinstance(refused, Refused) and refused.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
                raise
            if isinstance(refused, (StoreUnavailable, WriteFailed)):
                raise
            complain(f"understudy: kept {one_line(session.id)}: {one_line(str(refused))}")
    complain(f"{deleted} of {_count(found)} deleted")


def _count(found: list[SessionInfo]) -> str:
    return f"{len(found)} session{'' if len(found) == 1 else 's'}"
