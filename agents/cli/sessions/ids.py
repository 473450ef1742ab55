"""The ids of the sessions of a source, for their beginnings and for the shell's completion."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, Final

import click

from agents.cli.remote.completion import TIMEOUT_S, Complete
from agents.cli.remote.connection import option_given
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


def completed(of: Callable[[Sessions], AsyncIterator[str]]) -> Complete:
    """Return click's `shell_complete` for a parameter with these ids. A source that can't be opened has none."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        place = {name: option_given(context, name) for name in PLACE}
        with suppress(ClientError, SessionError, click.ClickException, TimeoutError, SystemExit):
            return asyncio.run(_beginning(of, place, incomplete))
        return []

    return complete


async def _beginning(of: Callable[[Sessions], AsyncIterator[str]], place: dict[str, Any], incomplete: str) -> list[str]:
    async with asyncio.timeout(TIMEOUT_S), open_sessions(**place) as source:
        return [id_ async for id_ in of(source) if id_.startswith(incomplete)]


complete_session = completed(session_ids)
