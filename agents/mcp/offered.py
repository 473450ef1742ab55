"""Agents as the tools of an MCP server, whichever way the server reaches its clients and its agents.

A call is a turn of the agent. A cancelled call cancels its turn. A turn that fails, and a request that is refused, are
answers with an error, in words.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, Final, Protocol
from uuid import uuid4

from msgspec import Struct

from agents.core.events import (
    Event,
    StreamApprovalRequired,
    StreamComplete,
    StreamError,
    StreamFunctionCallComplete,
    StreamSubAgent,
    StreamToken,
)
from agents.core.question import Question
from agents.extras import extra

with extra("mcp", "an MCP server of agents"):
    import anyio
    from mcp import MCPError
    from mcp.server.lowlevel import Server
    from mcp_types import (
        INVALID_REQUEST,
        CallToolRequestParams,
        CallToolResult,
        ListToolsResult,
        PaginatedRequestParams,
        TextContent,
        Tool,
    )

from agents.mcp.ourselves import US
from agents.settings.values import CONVERSATION_CHARS

CANCEL_S: Final = 5.0
INVALID: Final = re.compile(r"[^A-Za-z0-9_-]")  # in the name of a tool, for most models
MAX_WORDS: Final = 200
ARGUMENTS: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "message": {"type": "string", "minLength": 1, "description": "The message to the agent."},
        "conversation": {
            "type": "string",
            "minLength": 1,
            "maxLength": CONVERSATION_CHARS,
            "description": "The name of the conversation to begin or to continue. By default the agent has one.",
        },
    },
    "required": ["message"],
    "additionalProperties": False,
}


class OfferedAgent(Struct, frozen=True):
    """An agent that is a tool."""

    id: str
    name: str


class RequestFailed(Exception):
    """A request to the agents failed. The text is one line, for the client."""


class OfferedAgents(Protocol):
    """The agents of one client. The methods raise RequestFailed.

    pulse_s: the longest pause between two reports of progress.
    """

    pulse_s: float

    async def offered(self) -> list[OfferedAgent]: ...

    async def conversation(self, agent_id: str, name: str) -> str:
        """Return the id of the session of a conversation, which is begun if it does not exist. "": the usual one."""

    def ask(self, session_id: str, message: str, stream_id: str) -> AsyncGenerator[Event, None]:
        """Ask a session's agent, and yield the events of the answer."""

    async def cancel(self, stream_id: str) -> None: ...


def server_of(agents_of: Callable[[Any], OfferedAgents]) -> Server[Any]:
    """Return an MCP server. agents_of: returns the agents for the context of a request."""

    async def on_list(ctx: Any, params: PaginatedRequestParams | None) -> ListToolsResult:
        try:
            return ListToolsResult(tools=[_tool(*each) for each in (await tools_of(agents_of(ctx))).items()])
        except RequestFailed as failed:
            raise MCPError(INVALID_REQUEST, str(failed)) from None

    async def on_call(ctx: Any, params: CallToolRequestParams) -> CallToolResult:
        try:
            return await _called(agents_of(ctx), params, ctx)
        except RequestFailed as failed:
            return _answer(str(failed), error=True)

    return Server(US.name, version=US.version, on_list_tools=on_list, on_call_tool=on_call)


async def tools_of(agents: OfferedAgents) -> dict[str, OfferedAgent]:
    """Return the agents by the names of their tools. Raises RequestFailed."""
    found: dict[str, OfferedAgent] = {}
    for each in await agents.offered():
        found.setdefault(INVALID.sub("_", each.id), each)
    return found


async def _called(agents: OfferedAgents, params: CallToolRequestParams, ctx: Any) -> CallToolResult:
    """Ask the agent, and return its answer. Raises RequestFailed."""
    message, name = _given(params.arguments or {})
    agent = (await tools_of(agents)).get(params.name)
    if agent is None:
        raise RequestFailed(f"expected the name of a tool, got {params.name!r}"[:MAX_WORDS])
    return await _asked(agents, await agents.conversation(agent.id, name), message, ctx)


def _given(arguments: dict[str, Any]) -> tuple[str, str]:
    """Return the message, and the name of the conversation or "". Raises RequestFailed."""
    message, name = arguments.get("message"), arguments.get("conversation")
    if not isinstance(message, str) or not message:
        raise RequestFailed("expected a message, which is text that is not empty")
    if name is not None and not (isinstance(name, str) and 0 < len(name) <= CONVERSATION_CHARS):
        raise RequestFailed(f"expected the name of a conversation, 1 to {CONVERSATION_CHARS} characters")
    if unknown := arguments.keys() - ARGUMENTS["properties"].keys():
        raise RequestFailed(f"expected message and conversation, got {min(unknown)!r} too"[:MAX_WORDS])
    return message, name or ""


async def _asked(agents: OfferedAgents, session_id: str, message: str, ctx: Any) -> CallToolResult:
    stream_id, progress = uuid4().hex, _Progress(ctx.session.report_progress)
    try:
        async with progress.pulse(agents.pulse_s), aclosing(agents.ask(session_id, message, stream_id)) as events:
            async for event in events:
                if isinstance(event, StreamComplete):
                    return _answer(event.response.content)
                if isinstance(event, StreamError):
                    return _answer(str(event.reason), error=True)
                await progress.note(event)
    except anyio.get_cancelled_exc_class():
        with anyio.move_on_after(CANCEL_S, shield=True), suppress(RequestFailed):
            await agents.cancel(stream_id)
        raise
    return _answer("the stream ended without its last event", error=True)


class _Progress:
    """The progress of a turn, for a client that asks for it. State: the reports, and the characters of text so far."""

    def __init__(self, report: Any) -> None:
        self._report, self._reports, self._characters = report, 0, 0

    async def note(self, event: Event) -> None:
        """Report an event at which a person would look."""
        if isinstance(event, StreamSubAgent):
            event = event.event
        match event:
            case StreamToken(text):
                self._characters += len(text)
            case StreamFunctionCallComplete(call):
                await self._send(f"calls {call.name}")
            case StreamApprovalRequired(call, question=None):
                await self._send(f"{call.name} waits for an approval: understudy approve {event.stream_id} {call.id}")
            case StreamApprovalRequired(call, question=Question(text)):
                await self._send(f"{text} understudy answer {event.stream_id} {call.id} ANSWER")

    @asynccontextmanager
    async def pulse(self, pause_s: float) -> AsyncIterator[None]:
        """Report in each pause within the block, so that a client with a deadline for silence keeps waiting."""
        beating = asyncio.create_task(self._beat(pause_s))
        try:
            yield
        finally:
            beating.cancel()

    async def _beat(self, pause_s: float) -> None:
        while True:
            await asyncio.sleep(pause_s)
            await self._send(f"runs, {self._characters} characters so far")

    async def _send(self, words: str) -> None:
        self._reports += 1
        await self._report(self._reports, message=words)


def _tool(name: str, agent: OfferedAgent) -> Tool:
    description = f"Ask the agent {agent.name!r}. A conversation goes on from call to call."
    return Tool(name=name, title=agent.name, description=description, input_schema=ARGUMENTS)


def _answer(text: str, *, error: bool = False) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=error)
