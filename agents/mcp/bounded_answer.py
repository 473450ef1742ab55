"""The bound of an answer over HTTP."""

from collections.abc import AsyncIterator

from agents.extras import extra

with extra("mcp", "an MCP server"):
    import httpx2

from agents.mcp.lines import MAX_MESSAGE_BYTES


async def bound(response: httpx2.Response) -> None:
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
