"""An MCP server at an address: the official client's streamable HTTP, with bounded answers."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Final

from agents.extras import extra

with extra("mcp", "an MCP server"):
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

from agents.mcp.lines import MAX_MESSAGE_BYTES
from agents.mcp.spec import ServerSpec

CONNECT_S: Final = 10.0
KEPT_CONNECTIONS: Final = 100


class HttpServer:
    """A server at an address, as a transport. Its requests have no limit of number: calls do not wait for each other.

    The read of an answer has no deadline of its own: the call has one.
    """

    def __init__(self, spec: ServerSpec) -> None:
        assert spec.server.url is not None
        self._url = spec.server.url
        held = spec.server.headers.items()
        self._headers = {name: value.get_secret_value() for name, value in held} | {"accept-encoding": "identity"}
        if (token := spec.server.token) is not None:
            self._headers["authorization"] = f"Bearer {token.get_secret_value()}"
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Any:
        client = httpx2.AsyncClient(
            headers=self._headers,
            timeout=httpx2.Timeout(CONNECT_S, read=None),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=KEPT_CONNECTIONS),
            event_hooks={"response": [_bound]},
        )
        await self._stack.enter_async_context(client)
        streams = streamable_http_client(self._url, http_client=client, max_sse_event_size=MAX_MESSAGE_BYTES)
        return await self._stack.enter_async_context(streams)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._stack.__aexit__(kind, error, trace)


async def _bound(response: httpx2.Response) -> None:
    """Bound a JSON answer. The client bounds the events of a stream."""
    if not response.headers.get("content-type", "").lower().startswith("text/event-stream"):
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _BoundedBody(response.stream)


class _BoundedBody(httpx2.AsyncByteStream):
    def __init__(self, body: httpx2.AsyncByteStream) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left_bytes = MAX_MESSAGE_BYTES
        async for chunk in self._body:
            left_bytes -= len(chunk)
            if left_bytes < 0:
                raise httpx2.RemoteProtocolError(f"an answer above {MAX_MESSAGE_BYTES} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._body.aclose()
