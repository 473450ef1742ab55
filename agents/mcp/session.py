"""The begin of a session with a server, its list of tools, and the reason of a failure in words."""

from collections.abc import Iterator
from typing import Final

from agents.extras import extra

with extra("mcp", "an MCP server"):
    from mcp import ClientSession, MCPError
    from mcp_types import UNSUPPORTED_PROTOCOL_VERSION, PaginatedRequestParams
    from mcp_types import Tool as McpTool

from agents.core.text import each_text
from agents.mcp.view import ListedTool
from agents.tools.errors import ServerDown
from agents.tools.text import sendable

MAX_TOOLS: Final = 1000


async def negotiate(session: ClientSession) -> None:
    """Agree on a version of the protocol. A server that knows only the later ones refuses the handshake."""
    try:
        await session.initialize()
    except MCPError as refused:
        if refused.code != UNSUPPORTED_PROTOCOL_VERSION:
            raise
        await session.discover()


async def listed_tools(session: ClientSession, name: str) -> tuple[ListedTool, ...]:
    """Return the server's tools. name: the server's. Raises ServerDown if they are too many."""
    if session.server_capabilities is None or session.server_capabilities.tools is None:
        return ()
    tools: list[ListedTool] = []
    cursor: str | None = None
    while True:
        params = None if cursor is None else PaginatedRequestParams(cursor=cursor)
        page = await session.list_tools(params=params)
        tools += map(_listed, page.tools)
        if len(tools) > MAX_TOOLS or (page.next_cursor is not None and not page.tools):
            raise ServerDown(name, f"it lists more than {MAX_TOOLS} tools, or does not end its list")
        if (cursor := page.next_cursor) is None:
            return tuple(tools)


def _listed(tool: McpTool) -> ListedTool:
    description = tool.description or tool.title or f"The tool {tool.name}."
    schema = {name: value for name, value in tool.input_schema.items() if name != "$schema"}  # some providers refuse it
    return ListedTool(tool.name, sendable(description), each_text(sendable, schema))


def reason_of(error: BaseException, start_s: float) -> str:
    """Return why the connection ended, in one line."""
    first = next(_leaves(error))
    match first:
        case ServerDown():
            return first.why
        case TimeoutError():
            return f"no answer within {start_s:g} s"
        case MCPError():
            return f"it answered: {first.message}"
    words = " ".join(str(first).split())
    return f"{type(first).__name__}: {words}" if words else type(first).__name__


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions of a group of groups. Those of ours first: the client's follow from them."""
    if isinstance(error, BaseExceptionGroup):
        leaves = [leaf for each in error.exceptions for leaf in _leaves(each)]
        yield from sorted(leaves, key=lambda leaf: not isinstance(leaf, ServerDown))
    else:
        yield error
