"""The ids of the sessions of a source, for their beginnings and for the shell's completion."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final

import click

from agents.cli.remote.completion import TIMEOUT_S, option_given
from agents.cli.sessions.place import Sessions, open_sessions
from agents.client import ClientError
from agents.sessions import SessionError

PAGE: Final = 1000
PLACE: Final = ("file", "url", "token_file", "state_dir", "store")


async def session_ids(source: Sessions) -> AsyncIterator[str]:
    place: str | None = None
    while page := await source.sessions(place, PAGE):
        for session in page:
            yield session.id
        if len(page) < PAGE:
            return
        place = page[-1].id


async def stream_ids(source: Sessions, session_id: str) -> AsyncIterator[str]:
    for stream in (await source.session(session_id)).streams:
        yield stream.id


def complete_session(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the sessions that begin so. A source that can't be opened has none."""
    place = {name: option_given(context, name) for name in PLACE}
    with suppress(ClientError, SessionError, click.ClickException, TimeoutError, SystemExit):
        return asyncio.run(_beginning(place, incomplete))
    return []


async def _beginning(place: dict[str, Any], incomplete: str) -> list[str]:
    async with asyncio.timeout(TIMEOUT_S), open_sessions(**place) as source:
        return [id_ async for id_ in session_ids(source) if id_.startswith(incomplete)]
