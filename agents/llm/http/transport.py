"""How the openai client's requests travel: an httpx2 transport on aiohttp, whose bodies are read where they come in.

aiohttp keeps the connections and reads HTTP. Why not the openai package's own transport on aiohttp: each chunk of it
wakes a task and passes three iterators to get there (docs/adr/0004-tokens-where-they-arrive.md).
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from functools import cache
from typing import Any, Final
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx2

from agents.llm.encoding import BadEncoding, plain
from agents.llm.http.body import Pushed, Take, pull
from agents.llm.http.framing import next_chunk, whole_chunks

BODY: Final = "body"
"""A response's extension: the bytes of its body without content encodings, and a WireBody where it has none."""

CONTENT_ENCODING: Final = "content-encoding"


PIECE_BYTES: Final = 16 * 1024
"""Taken at a time, where much has come at once: what is made of it should still be in the processor's cache."""


BURST_BYTES: Final = 16 * 1024
"""Of one read, after which others have their turn: uvloop would give this connection dozens of reads in a row."""


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """Requests to one address, over any number of connections: one that waits for another's would be timed as one that
    can't connect. aiohttp's errors leave it as they are."""

    def __init__(self, address: httpx2.URL) -> None:
        self._proxy = proxy_of(address)
        self._secure = address.scheme == "https"
        self._session: aiohttp.ClientSession | None = None  # made on the loop

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._session = self._session or _session(self._secure)
        timeout = request.extensions["timeout"]
        response = await self._session.request(
            request.method,
            _without_userinfo(request.url),
            headers=request.headers,
            data=await request.aread() or None,
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
    """The client has made a header of it, and aiohttp refuses to have both."""
    return str(url.copy_with(userinfo=b"") if url.userinfo else url)


@cache
def _certificates() -> ssl.SSLContext:
    """As the environment has them. Once for all: to load them holds the loop for 40 ms."""
    return httpx2.create_ssl_context()


def _session(secure: bool) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=0, ssl=_certificates() if secure else True)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


def proxy_of(address: httpx2.URL) -> str | None:
    """The proxy that the environment names for this address."""
    proxies = getproxies()
    proxy = proxies.get(address.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(address.host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


class WireBody(Pushed):
    """The body of a response, as aiohttp reads it off the wire."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def __anext__(self) -> bytes:
        if chunk := await self.response.content.readany():
            return chunk
        raise StopAsyncIteration

    async def push(self, take: Take) -> None:
        """A tap stands over an empty buffer only: aiohttp pauses a connection whose buffer is full until it is read.

        To read from the buffer lets aiohttp go on with what it had put aside, which fills the buffer again.
        """
        response = self.response
        while chunk := response.content.read_nowait(PIECE_BYTES):
            if take(chunk):
                return
        connection = response.connection
        if connection is None or connection.transport is None:  # at its end, or broken
            await pull(self, take)
            return
        tap = _Tap(connection, response.content, take)
        try:
            await tap.enough
        finally:
            tap.close()


def _plain(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """The body without its content encodings. Raises BadEncoding for one that was not asked for."""
    header = ",".join(response.headers.getall(CONTENT_ENCODING, ()))
    try:
        return plain(WireBody(response), header, is_error=response.status >= 400)
    except BadEncoding:
        response.close()
        raise


class _Stream(httpx2.AsyncByteStream):
    """The same for httpx2, which closes it, and reads the bodies of errors."""

    def __init__(self, response: aiohttp.ClientResponse, chunks: AsyncIterator[bytes]) -> None:
        self._response, self._chunks = response, chunks

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks

    async def aclose(self) -> None:
        self._response.release()
        await self._response.wait_for_close()


class _Tap(asyncio.Protocol):
    """Stands between a connection and aiohttp's protocol, which reads it as ever, and takes what that has read.

    Whole chunks pass it by, once it has been seen to stand between two of them: for a token, what it does is a quarter
    of all the work. It gets the connection back before anyone else can have it: when the tap is closed, or when aiohttp
    lets go of the connection.
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
        if burst and not self._transport.is_closing():  # last: a read of aiohttp's resumes, whoever has paused
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
        """Let aiohttp read until it stands between two chunks, or all; the rest.

        It stands there, if what looks like a chunk was read as one.
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
        """Let aiohttp read it, and hand on what there is. The answer is that, if it was in one piece."""
        self._protocol.data_received(data)
        return self._hand_on()

    def _hand_on(self) -> bytes:
        """Give what aiohttp has read until its buffer is empty, also of what reading from it adds.

        The answer is the last piece.
        """
        content, last = self._content, b""
        try:
            while not self.enough.done() and (chunk := content.read_nowait(PIECE_BYTES)):
                last = chunk
                self._give(chunk)
            if not self.enough.done() and content.at_eof():  # done: its waiter was told, or cancelled, but has not run
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
