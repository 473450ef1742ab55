"""The process of one connection to a server, from its begin to its end.

The official client has cancel scopes, which one task must enter and leave. That task is this process: it opens the
connection, lists the tools, lists them again when the server says that they changed, and ends with the connection.
Calls use the session from their own tasks.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final

from agents.extras import extra

with extra("mcp", "an MCP server"):
    from mcp import ClientSession, MCPError
    from mcp.client.subscriptions import SubscriptionLost, listen
    from mcp_types import (
        METHOD_NOT_FOUND,
        REQUEST_TIMEOUT,
        ToolListChangedNotification,
    )

from actors import ExitProcess, Shutdown, Task
from actors.log import get_logger
from agents.mcp.http import HttpServer
from agents.mcp.ourselves import US
from agents.mcp.session import listed_tools, negotiate, reason_of
from agents.mcp.stdio import StdioServer
from agents.mcp.view import STOPPED, ServerView
from agents.tools.errors import ServerDown

LOOK_S: Final = 5.0  # pause between two looks at a server over HTTP, which has no connection that would break

log = get_logger("understudy.mcp")


class McpConnection(Task):
    """One connection. Its keeper starts it, linked, and learns of its end by an Exit.

    number: what `view.begin` returned.
    """

    def __init__(self, view: ServerView, number: int) -> None:
        self._view, self._number, self._spec = view, number, view.spec

    async def run(self) -> None:
        try:
            await self._connected()
        except Exception as error:
            self._lost(error)
            raise ExitProcess(Shutdown(self._view.why)) from error
        finally:
            self._view.down(self._number, STOPPED)

    async def _connected(self) -> None:
        """Keep the connection until it ends. Raises ServerDown, or an exception of the client."""
        server = StdioServer(self._spec) if self._spec.server.command else HttpServer(self._spec)
        async with server as (incoming, outgoing):
            session = ClientSession(incoming, outgoing, message_handler=self._on_message, client_info=US)
            async with session:
                try:
                    await self._serve(server, session)
                except MCPError as failed:
                    if (why := await server.why(failed)) is not None:
                        self._view.down(self._number, why)
                    raise
                except Exception as error:
                    self._lost(error)  # before the end of the server, which takes time
                    raise

    async def _serve(self, server: StdioServer | HttpServer, session: ClientSession) -> None:
        async with asyncio.timeout(self._spec.start_s):
            await negotiate(session)
            self._view.up(self._number, session, await listed_tools(session, self._spec.name))
        log.info("mcp_server_up", server=self._spec.name, tools=len(self._view.tools))
        async with _announcing(session, self._spec.start_s):
            await (self._watch(server, session) if isinstance(server, StdioServer) else self._look(session))

    def _lost(self, error: Exception) -> None:
        self._view.down(self._number, reason_of(error, self._spec.start_s))

    async def _watch(self, server: StdioServer, session: ClientSession) -> None:
        """List the tools after each change, until the server has gone."""
        while not server.lost.done():
            waiting: set[asyncio.Future[Any]] = {server.lost, asyncio.ensure_future(self._view.changed.wait())}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for each in waiting - {server.lost}:
                each.cancel()
            if self._view.changed.is_set() and not server.lost.done():
                await self._list_again(session)
        raise ServerDown(self._spec.name, server.lost.result())

    async def _look(self, session: ClientSession) -> None:
        """List the tools after each change, and look whether the server is there, until it has gone."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._view.changed.wait()
                await self._list_again(session)
            try:
                async with asyncio.timeout(LOOK_S):
                    await session.send_ping()
            except TimeoutError:
                continue  # it is busy: the deadlines of its calls decide
            except MCPError as failed:
                if failed.code not in (METHOD_NOT_FOUND, REQUEST_TIMEOUT):
                    raise

    async def _list_again(self, session: ClientSession) -> None:
        self._view.changed.clear()
        async with asyncio.timeout(self._spec.start_s):
            tools = await listed_tools(session, self._spec.name)
        if tools != self._view.tools:
            log.info("mcp_server_tools_changed", server=self._spec.name, tools=len(tools))
        self._view.listed(self._number, tools)

    async def _on_message(self, message: Any) -> None:
        if isinstance(message, ToolListChangedNotification):
            self._view.changing()


@asynccontextmanager
async def _announcing(session: ClientSession, start_s: float) -> AsyncIterator[None]:
    """Have the server announce other tools, where the protocol does so only on request."""
    async with AsyncExitStack() as stack:
        if session.discover_result is not None:
            with suppress(MCPError, SubscriptionLost, TimeoutError):  # a server whose tools do not change
                async with asyncio.timeout(start_s):
                    await stack.enter_async_context(listen(session, tools_list_changed=True))
        yield
