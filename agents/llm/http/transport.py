"""The transport of the openai client: an httpx2 transport on aiohttp that reads bodies in the connection's callback.

aiohttp keeps the connections and reads HTTP. The openai package has its own transport on aiohttp, but there each chunk
wakes a task and passes three iterators (docs/adr/0004-tokens-where-they-arrive.md).
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from functools import cache
from io import BytesIO
from typing import Any, Final

import aiohttp
import httpx2

from agents.llm.encoding import BadEncoding, plain
from agents.llm.http.body import Pushed, Take, pull
from agents.llm.http.framing import next_chunk, whole_chunks
from agents.llm.http.proxy import proxy_of

BODY: Final = "body"
"""The name of a response's extension: its decoded body, which is a WireBody if the body has no content encoding."""

CONTENT_ENCODING: Final = "content-encoding"

PIECE_BYTES: Final = 16 * 1024
"""The most bytes taken at a time from a large read, so that the resulting objects stay in the processor's cache."""

BURST_BYTES: Final = 16 * 1024
"""The size of a read after which other connections get a turn: uvloop may read one connection many times in a row."""


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """A transport to one address. It raises aiohttp's own errors.

    The number of connections is unlimited: a request that waited for a free connection would time out as unconnected.
    """

    def __init__(self, address: httpx2.URL) -> None:
        self._proxy = proxy_of(address.scheme, address.host)
        self._secure = address.scheme == "https"
        self._session: aiohttp.ClientSession | None = None  # made on the loop, by the first request

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._session = self._session or _session(self._secure)
        timeout = request.extensions["timeout"]
        response = await self._session.request(
            request.method,
            _without_userinfo(request.url),
            headers=_headers(request.headers),
            data=BytesIO(body) if (body := await request.aread()) else None,  # written in pieces
            allow_redirects=False,
            auto_decompress=False,
            proxy=self._proxy,
            timeout=aiohttp.ClientTimeout(
                connect=timeout["pool"], sock_connect=timeout["connect"], sock_read=timeout["read"]
            ),
        )
        chunks = _plain(response)
        headers = [(name, value) for name, value in response.raw_headers if name.lower() != CONTENT_ENCODING.encode()]
        return httpx2.Response(
            response.status, headers=headers, stream=_Stream(response, chunks), extensions={BODY: chunks}
        )

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()


def _without_userinfo(url: httpx2.URL) -> str:
    """Return the URL without user and password: they are in a header already, and aiohttp refuses both together."""
    return str(url.copy_with(userinfo=b"") if url.userinfo else url)


def _headers(headers: httpx2.Headers) -> list[tuple[str, str]]:
    """Return the headers as text. The items of httpx2's own mapping look for the encoding once per header and use."""
    encoding = headers.encoding
    return [(name.decode(encoding), value.decode(encoding)) for name, value in headers.raw]


@cache
def _certificates() -> ssl.SSLContext:
    """Load the environment's certificates once, since loading them blocks the loop for 40 ms."""
    return httpx2.create_ssl_context()


def _session(secure: bool) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=0, ssl=_certificates() if secure else True)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


class WireBody(Pushed):
    """The body of a response as aiohttp reads it, still encoded."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def __anext__(self) -> bytes:
        if chunk := await self.response.content.readany():
            return chunk
        raise StopAsyncIteration

    async def push(self, take: Take) -> None:
        """Empty aiohttp's buffer, then put a tap on the connection.

        aiohttp pauses a connection with a full buffer, so the buffer must be empty first. Each read from the buffer may
        let aiohttp parse more data, which fills the buffer again.
        """
        response = self.response
        while chunk := response.content.read_nowait(PIECE_BYTES):
            if take(chunk):
                return
        connection = response.connection
        if connection is None or connection.transport is None:  # at its end or broken
            await pull(self, take)
            return
        tap = _Tap(connection, response.content, take)
        try:
            await tap.enough
        finally:
            tap.close()


def _plain(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Return the decoded body. Raises BadEncoding for an encoding that no request asks for."""
    header = ",".join(response.headers.getall(CONTENT_ENCODING, ()))
    try:
        return plain(WireBody(response), header, is_error=response.status >= 400)
    except BadEncoding:
        response.close()
        raise


class _Stream(httpx2.AsyncByteStream):
    """The body in httpx2's form. httpx2 closes it and reads the bodies of errors."""

    def __init__(self, response: aiohttp.ClientResponse, chunks: AsyncIterator[bytes]) -> None:
        self._response, self._chunks = response, chunks

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks

    async def aclose(self) -> None:
        self._response.release()
        await self._response.wait_for_close()


class _Tap(asyncio.Protocol):
    """A protocol between a connection and aiohttp's protocol: it forwards data to aiohttp and takes the parsed bytes.

    Once aiohttp's protocol is known to be between two chunks, whole chunks bypass it: that protocol is a quarter of the
    work per token. aiohttp's protocol gets the connection back when the tap is closed, or when aiohttp releases the
    connection. So no other request gets a connection with a tap.
    """

    def __init__(self, connection: Any, content: aiohttp.StreamReader, take: Take) -> None:
        self.enough: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._content, self._take = content, take
        self._transport: asyncio.Transport = connection.transport
        self._protocol: asyncio.Protocol = connection.protocol
        self._between_chunks = False
        connection.add_callback(self.close)
        self._transport.set_protocol(self)

    def close(self) -> None:
        if self._transport.get_protocol() is self:
            self._transport.set_protocol(self._protocol)

    def data_received(self, data: bytes) -> None:
        burst = len(data) >= BURST_BYTES
        if not self._between_chunks:
            data = self._up_to_border(data)
        if data:
            self._pass_by(data)
        if burst and not self._transport.is_closing():  # last, since a read by aiohttp resumes the connection
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def eof_received(self) -> bool | None:
        return self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)
        self._hand_on()

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    def _up_to_border(self, data: bytes) -> bytes:
        """Let aiohttp read up to a border between two chunks, and return the rest. Without a border, aiohttp reads all.

        A border is proven when aiohttp reads the part that looks like a chunk as one chunk.
        """
        begin, end, payload = next_chunk(data)
        if begin:
            self._read(data[:begin])
        if end > begin:
            self._between_chunks = self._read(data[begin:end]) == payload
        if not self._between_chunks and end < len(data):
            self._read(data[end:])
        return data[end:] if self._between_chunks else b""

    def _pass_by(self, data: bytes) -> None:
        payloads, rest = ((), 0) if self.enough.done() else whole_chunks(data)
        if payloads:
            self._give(payloads[0] if len(payloads) == 1 else b"".join(payloads))
        if rest < len(data):
            self._between_chunks = False
            self._read(data[rest:])

    def _read(self, data: bytes) -> bytes:
        """Let aiohttp read the data, and give the parsed bytes to take. Return the last piece of them."""
        self._protocol.data_received(data)
        return self._hand_on()

    def _hand_on(self) -> bytes:
        """Give the bytes in aiohttp's buffer to take until the buffer is empty. Return the last piece.

        Reading from the buffer may add more bytes, which are given, too.
        """
        content, last = self._content, b""
        try:
            while not self.enough.done() and (chunk := content.read_nowait(PIECE_BYTES)):
                last = chunk
                self._give(chunk)
            if not self.enough.done() and content.at_eof():  # done: its waiter has yet to run
                self.enough.set_result(None)
        except Exception as error:  # noqa: BLE001 (raised where it is awaited)
            self.enough.set_exception(error)
        return last

    def _give(self, chunk: bytes) -> None:
        try:
            if self._take(chunk):
                self.enough.set_result(None)
        except BaseException as error:  # noqa: BLE001 (raised where it is awaited)
            self.enough.set_exception(error)
