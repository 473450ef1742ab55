"""The path of MCP: each agent that the caller may use is a tool of an MCP client, over streamable HTTP. docs/mcp.md

It is a layer around the routes, because the protocol has answers and errors of its own.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, closing
from importlib import import_module
from typing import TYPE_CHECKING, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agents.core.events import Event
from agents.extras import MissingExtra
from agents.gateway.connection import connection_of
from agents.gateway.errors import EXPECTED, Refusal, refusal_of
from agents.gateway.event_stream import Delivery
from agents.gateway.guard.body import refuse
from agents.gateway.guard.caller import Caller, caller_in
from agents.gateway.guard.middleware import route_of
from agents.gateway.guard.request_log import note_route
from agents.gateway.guard.scopes import permit
from agents.gateway.reader import ReaderClosed, ReaderMoved
from agents.gateway.visible import Everything
from agents.instance.by_id import ROOT
from agents.settings import Scope as TokenScope

if TYPE_CHECKING:
    from agents.mcp.offered import OfferedAgent

MCP: Final = "/mcp"
ENDPOINT: Final = "agents.mcp.endpoint"
METHODS: Final = ("POST", "DELETE")
ALLOW: Final = (b"allow", b"POST, DELETE")


class Mcp:
    """The layer. It answers requests of MCP, and passes on all others. alone: whether this is the only node."""

    def __init__(self, app: ASGIApp, everything: Everything, delivery: Delivery, *, alone: bool) -> None:
        self._app, self._everything, self._delivery, self._alone = app, everything, delivery, alone

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or route_of(scope) != MCP:
            await self._app(scope, receive, send)
            return
        try:
            await self._answer(scope, receive, send, _permitted(scope))
        except EXPECTED as expected:  # before the answer begins
            refusal = refusal_of(expected)
            await refuse(scope, receive, send, refusal, [ALLOW] if refusal.status == 405 else [])

    async def _answer(self, scope: Scope, receive: Receive, send: Send, caller: Caller) -> None:
        try:
            if ENDPOINT not in sys.modules:
                await asyncio.to_thread(import_module, ENDPOINT)  # no loop may wait for the second that this takes
            from agents.mcp.endpoint import AGENTS, answer_of
        except MissingExtra as missing:
            raise Refusal(404, str(missing)) from None
        agents = VisibleAgents(self._everything, caller, self._delivery.heartbeat_s)
        manager = await answer_of(ROOT, caller.user or "", alone=self._alone)
        await manager.handle_request({**scope, AGENTS: agents}, receive, self._timely(scope, send))

    def _timely(self, scope: Scope, send: Send) -> Send:
        """Return a send that cuts the connection of a client that reads nothing. Its turn continues."""
        connection = connection_of(scope)

        async def timely(message: Message) -> None:
            try:
                async with asyncio.timeout(self._delivery.write_timeout_s):
                    await send(message)
            except TimeoutError:
                if connection is None:  # of another server, which learns it by the error
                    raise OSError("the client reads nothing") from None
                connection.cut(b"")

        return timely


def _permitted(scope: Scope) -> Caller:
    """Return the caller of a request. Raises Refusal."""
    caller = caller_in(scope)
    note_route(scope, MCP)
    permit(caller, TokenScope.CHAT, f"{scope['method']} {MCP}")
    if caller.revoked:  # while the body arrived
        raise Refusal(401, "this token was revoked: use another token")
    if scope["method"] not in METHODS:  # each message to the client is within an answer
        raise Refusal(405, "expected POST or DELETE, got another method")
    return caller


class VisibleAgents:
    """The agents that a caller may use, for the shared MCP server."""

    def __init__(self, everything: Everything, caller: Caller, pulse_s: float) -> None:
        self._caller, self._visible, self.pulse_s = caller, everything.visible_to(caller), pulse_s

    async def offered(self) -> "list[OfferedAgent]":
        from agents.mcp.offered import OfferedAgent

        async with _in_words():
            return [OfferedAgent(each.id, each.name) for each in await self._visible.usable()]

    async def conversation(self, agent_id: str, name: str) -> str:
        async with _in_words():
            return await self._visible.conversation(agent_id, name)

    async def ask(self, session_id: str, message: str, stream_id: str) -> AsyncGenerator[Event, None]:
        async with _in_words():
            reader = await self._visible.ask(session_id, message, stream_id)
            with closing(reader), self._caller.until_revoked(reader.close):
                async for batch in reader.batches(self.pulse_s):
                    for event in batch:
                        yield event

    async def cancel(self, stream_id: str) -> None:
        async with _in_words():
            await self._visible.streams.cancel(stream_id)


@asynccontextmanager
async def _in_words() -> AsyncIterator[None]:
    """Raise RequestFailed for a refusal, and for a stream that ends early for this client."""
    from agents.mcp.offered import RequestFailed

    try:
        yield
    except EXPECTED as refused:
        raise RequestFailed(refusal_of(refused).message) from None
    except ReaderClosed:
        raise RequestFailed("the token was revoked; the turn continues without this client") from None
    except ReaderMoved:
        raise RequestFailed("the turn goes on at another node of the cluster: ask the agent for its answer") from None
