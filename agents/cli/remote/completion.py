"""The shell's completion of ids, by the daemon that the command line names. Failures print nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, Final

import click

from agents.cli.remote import ids
from agents.cli.remote.connection import client_of, option_given
from agents.client import Client, ClientError

TIMEOUT_S: Final = 5.0

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def completed(of: Callable[[Client], ids.Ids]) -> Complete:
    """Return click's `shell_complete` for a parameter whose values are these ids."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        place = {name: option_given(context, name) for name in ("url", "token_file", "state_dir")}
        with suppress(ClientError, click.ClickException, TimeoutError, SystemExit):
            return asyncio.run(_ids(of, place, incomplete))
        return []

    return complete


async def _ids(of: Callable[[Client], ids.Ids], place: dict[str, Any], incomplete: str) -> list[str]:
    async with asyncio.timeout(TIMEOUT_S), client_of(**place) as client:
        found: AsyncIterator[str] = of(client)
        return list(dict.fromkeys([id_ async for id_ in found if id_.startswith(incomplete)]))


agent_argument = click.argument("agent_id", metavar="AGENT", shell_complete=completed(ids.agents))
stream_argument = click.argument("stream_id", metavar="STREAM", shell_complete=completed(ids.streams))
node_option = click.option(
    "--node", metavar="NODE", shell_complete=completed(ids.nodes), help="Show another node of the daemon's cluster."
)
