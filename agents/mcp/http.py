"""An MCP server at an address: the official client's streamable HTTP, with bounded answers."""

from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Final

from agents.extras import extra

with extra("mcp", "an MCP server"):
    import httpx2
    from mcp import MCPError
    from mcp.client.streamable_http import streamable_http_client

from agents.mcp.bounded_answer import bound
from agents.mcp.lines import MAX_MESSAGE_BYTES
from agents.mcp.oauth import BearerAuth, source_of
from agents.mcp.spec import ServerSpec

CONNECT_S: Final = 10.0
KEPT_CONNECTIONS: Final = 100


class HttpServer:
    """A server at an address, as a transport. Its requests have no limit of number: calls do not wait for each other.

    The read of an answer has no deadline of its own: the call has one.
    """

    def __init__(self, spec: ServerSpec) -> None:
        assert spec.server.url is not None
        self._url, self._source = spec.server.url, source_of(spec)
        held = spec.server.headers.items()
        self._headers = {name: value.get_secret_value() for name, value in held} | {"accept-encoding": "identity"}
        if (token := spec.server.token) is not None:
            self._headers["authorization"] = f"Bearer {token.get_secret_value()}"
        self._stack = AsyncExitStack()

    async def why(self, _failed: MCPError) -> str | None:
        """Return why the latest request had no token, or None."""
        failure = None if self._source is None else self._source.failure
        return None if failure is None else failure.why

    async def __aenter__(self) -> Any:
        client = httpx2.AsyncClient(
            headers=self._headers,
            timeout=httpx2.Timeout(CONNECT_S, read=None),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=KEPT_CONNECTIONS),
            event_hooks={"response": [bound]},
            auth=await self._auth(),
        )
        await self._stack.enter_async_context(client)
        streams = streamable_http_client(self._url, http_client=client, max_sse_event_size=MAX_MESSAGE_BYTES)
        return await self._stack.enter_async_context(streams)

    async def _auth(self) -> BearerAuth | None:
        """Return what adds the tokens of OAuth to each request. Raises ServerDown if there is none."""
        if self._source is None:
            return None
        await self._source.token()
        return BearerAuth(self._source)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._stack.__aexit__(kind, error, trace)
