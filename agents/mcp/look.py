"""A look at a server, without a process of it: it is started or reached, asked for its tools, and left."""

import asyncio
from time import monotonic

from msgspec import Struct

from agents.extras import extra

with extra("mcp", "an MCP server"):
    from mcp import ClientSession, MCPError

from agents.mcp.http import HttpServer
from agents.mcp.ourselves import US
from agents.mcp.session import listed_tools, negotiate, reason_of
from agents.mcp.spec import ServerSpec
from agents.mcp.stdio import StdioServer
from agents.tools.errors import ServerDown


class Seen(Struct, frozen=True):
    """A server that answers. name, version: as it reports them, or "". took_s: until it had listed its tools."""

    name: str
    version: str
    tools: int
    took_s: float


async def look(spec: ServerSpec) -> Seen:
    """Return what the server answers. Raises ServerDown."""
    began_s = monotonic()
    server = StdioServer(spec) if spec.server.command else HttpServer(spec)
    try:
        async with server as (incoming, outgoing), ClientSession(incoming, outgoing, client_info=US) as session:
            try:
                return await _asked(spec, session, began_s)
            except MCPError as failed:
                if (why := await server.why(failed)) is not None:
                    raise ServerDown(spec.name, why) from None
                raise
    except Exception as error:  # noqa: BLE001 (the crash boundary: a foreign program, and its client)
        raise ServerDown(spec.name, reason_of(error, spec.start_s)) from None


async def _asked(spec: ServerSpec, session: ClientSession, began_s: float) -> Seen:
    async with asyncio.timeout(spec.start_s):
        await negotiate(session)
        tools = await listed_tools(session, spec.name)
    info = session.server_info
    name, version = ("", "") if info is None else (info.name, info.version)
    return Seen(name, version, len(tools), monotonic() - began_s)
