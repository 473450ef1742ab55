"""The command mcp: the daemon's agents as the tools of an MCP server on stdin and stdout.

A client, such as an editor, starts the command. Each call is a turn of the agent, whose conversation goes on from call
to call. A cancelled call cancels its turn.
"""

import re
from collections.abc import Iterable
from contextlib import aclosing
from functools import partial
from importlib.metadata import version
from typing import Any, Final
from uuid import uuid4

import click

from agents.cli.remote.connection import ask, daemon_options
from agents.client import Client, ClientError
from agents.client.client import path
from agents.contract.answers import ListedAgent
from agents.core.events import (
    Event,
    StreamApprovalRequired,
    StreamComplete,
    StreamError,
    StreamFunctionCallComplete,
)
from agents.extras import extra

with extra("mcp", "the command mcp"):
    import anyio
    from mcp.server.lowlevel import Server
    from mcp.server.stdio import stdio_server
    from mcp_types import (
        CallToolRequestParams,
        CallToolResult,
        ListToolsResult,
        PaginatedRequestParams,
        TextContent,
        Tool,
    )

PAGE: Final = 1000
CANCEL_S: Final = 5.0
INVALID: Final = re.compile(r"[^A-Za-z0-9_-]")  # in the name of a tool, for most models
ARGUMENTS: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"message": {"type": "string", "description": "The message to the agent."}},
    "required": ["message"],
    "additionalProperties": False,
}


@click.command("mcp")
@click.option("--agent", "agents", multiple=True, metavar="AGENT", help="Offer only this agent. May be repeated.")
@daemon_options
def mcp_command(agents: tuple[str, ...], **options: Any) -> None:
    """Offer the daemon's agents as tools of an MCP server, on stdin and stdout.

    An MCP client starts this command: its configuration has the command `understudy` with the argument `mcp`.
    """
    ask(options, partial(_serve, agents))


async def _serve(agents: tuple[str, ...], client: Client) -> None:
    tools = AgentTools(client, agents)
    await tools.listed()  # a refusal, or a daemon that does not run, ends the command with one line
    server: Server[Any] = Server(
        "understudy", version=version("understudy"), on_list_tools=tools.on_list, on_call_tool=tools.on_call
    )
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


class AgentTools:
    """The agents of a daemon as tools. chosen: the ids of the agents to offer; none means all that run."""

    def __init__(self, client: Client, chosen: Iterable[str]) -> None:
        self._client, self._chosen = client, frozenset(chosen)

    async def listed(self) -> dict[str, ListedAgent]:
        """Return the agents to offer, by the name of the tool. Raises ClientError."""
        found: dict[str, ListedAgent] = {}
        after: dict[str, str] = {}
        while page := (await self._client.get("/agents", limit=PAGE, **after))["agents"]:
            for each in page:
                if not self._chosen or each["id"] in self._chosen:
                    found.setdefault(INVALID.sub("_", each["id"]), ListedAgent(**each))
            after = {"after": page[-1]["id"]}
        return found

    async def on_list(self, ctx: Any, params: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[_tool(name, agent) for name, agent in (await self.listed()).items()])

    async def on_call(self, ctx: Any, params: CallToolRequestParams) -> CallToolResult:
        """Ask the agent, and return its answer. A failure is an answer with an error, in words."""
        message = (params.arguments or {}).get("message")
        if not isinstance(message, str) or not message:
            return _answer("expected a message, which is text that is not empty", error=True)
        try:
            agent = (await self.listed()).get(params.name)
            if agent is None:
                return _answer(f"there is no agent {params.name!r}", error=True)
            return await self._asked(agent.id, message, ctx)
        except ClientError as failed:
            return _answer(str(failed), error=True)

    async def _asked(self, agent_id: str, message: str, ctx: Any) -> CallToolResult:
        stream_id, step = uuid4().hex, 0
        try:
            async with aclosing(self._client.ask(agent_id, message, stream_id)) as events:
                async for event in events:
                    if isinstance(event, StreamComplete):
                        return _answer(event.response.content)
                    if isinstance(event, StreamError):
                        return _answer(str(event.reason), error=True)
                    if (words := _progress(event)) is not None:
                        step += 1
                        await ctx.session.report_progress(step, message=words)
        except anyio.get_cancelled_exc_class():
            with anyio.move_on_after(CANCEL_S, shield=True):
                await self._client.post(path("streams", stream_id, "cancel"))
            raise
        return _answer("the stream ended without its last event", error=True)


def _tool(name: str, agent: ListedAgent) -> Tool:
    description = f"Ask the agent {agent.name!r}. Its conversation goes on from call to call."
    return Tool(name=name, title=agent.name, description=description, input_schema=ARGUMENTS)


def _progress(event: Event) -> str | None:
    match event:
        case StreamFunctionCallComplete(call):
            return f"calls {call.name}"
        case StreamApprovalRequired(call):
            return f"{call.name} waits for an approval: understudy approve {event.stream_id} {call.id}"
        case _:
            return None


def _answer(text: str, *, error: bool = False) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=error)
