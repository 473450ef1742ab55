"""The command mcp: the daemon's agents as the tools of an MCP server on stdin and stdout.

A client, such as an editor, starts the command. The daemon may restart during a call.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any, Final

import click

from agents.cli.group import Group
from agents.cli.mcp_login import login_command
from agents.cli.remote.completion import completed
from agents.cli.remote.connection import ask, daemon_options
from agents.cli.remote.ids import agents_and_sessions, note_unknown
from agents.client import Client, ClientError
from agents.client.paths import path
from agents.core.events import Event
from agents.extras import extra

with extra("mcp", "the command mcp"):
    from mcp.server.stdio import stdio_server

    from agents.mcp.offered import OfferedAgent, RequestFailed, server_of

PAGE: Final = 1000
PULSE_S: Final = 10.0


@click.group("mcp", cls=Group, invoke_without_command=True)
@click.option(
    "--agent",
    "agents",
    multiple=True,
    metavar="AGENT",
    shell_complete=completed(agents_and_sessions),
    help="Offer only this agent. May be repeated.",
)
@daemon_options
@click.pass_context
def mcp_command(ctx: click.Context, /, agents: tuple[str, ...], **options: Any) -> None:
    """Offer the daemon's agents as tools of an MCP server, on stdin and stdout.

    An MCP client starts this command: its configuration has the command `understudy` with the argument `mcp`.
    """
    if ctx.invoked_subcommand is None:
        ask(options, partial(_serve, agents))


mcp_command.add_command(login_command)


async def _serve(chosen: tuple[str, ...], client: Client) -> None:
    agents = AgentsOfDaemon(client, chosen)
    await client.get("/agents", limit=1)  # a refusal, or a daemon that does not run, ends the command with one line
    await note_unknown(client, *chosen)
    server = server_of(lambda _: agents)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


class AgentsOfDaemon:
    """The agents of a daemon, for the shared MCP server. chosen: the ids of those to offer; none means all."""

    pulse_s = PULSE_S

    def __init__(self, client: Client, chosen: Iterable[str]) -> None:
        self._client, self._chosen = client, frozenset(chosen)

    async def offered(self) -> list[OfferedAgent]:
        found: list[OfferedAgent] = []
        after: dict[str, str] = {}
        async with _in_words():
            while page := (await self._client.get("/agents", usable="true", limit=PAGE, **after))["agents"]:
                found += [OfferedAgent(each["id"], each["name"]) for each in page]
                after = {"after": page[-1]["id"]}
        return [each for each in found if not self._chosen or each.id in self._chosen]

    async def conversation(self, agent_id: str, name: str) -> str:
        async with _in_words():
            return str(
                (await self._client.post(path("agents", agent_id, "conversations"), {"name": name}))["session_id"]
            )

    async def ask(self, session_id: str, message: str, stream_id: str) -> AsyncGenerator[Event, None]:
        async with _in_words(), aclosing(self._client.ask(session_id, message, stream_id)) as events:
            async for event in events:
                yield event

    async def cancel(self, stream_id: str) -> None:
        async with _in_words():
            await self._client.post(path("streams", stream_id, "cancel"))


@asynccontextmanager
async def _in_words() -> AsyncIterator[None]:
    try:
        yield
    except ClientError as failed:
        raise RequestFailed(str(failed)) from None
