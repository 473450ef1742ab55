"""The client for a provider: the openai client makes the head of a request, and we read the bytes of the answer.

The openai client adds keys and organisation. For each request it copies options, merges headers and walks through type
annotations, with the same result: 0.6 ms of a short turn's 2 ms. So it makes one request per API, to a transport that
keeps the head and sends nothing. The later requests have this head.

The transport makes the connections, through a proxy if one is set. The client limits only the time to connect, and
retries nothing: its callers do. Each failure raises ProviderFailed with a Fault.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Final, Self

import aiohttp
import httpx2
import openai
from msgspec import Struct

from agents.core.errors import ApiError, ConnectionClosed, NetworkError
from agents.llm.client_faults import connection_fault, status_fault, wrong_scheme
from agents.llm.dialects import DIALECTS
from agents.llm.encoding import BadEncoding
from agents.llm.endpoint import MISSING_KEY, Api, Endpoint, ProviderFailed
from agents.llm.http.proxy import proxy_of
from agents.llm.http.transport import BODY, AiohttpTransport
from agents.llm.tls_probe import speaks_tls

FAILURES: Final = (openai.APIConnectionError, httpx2.HTTPError, aiohttp.ClientError, BadEncoding)
"""Failures of a connection. OSError is not among them: the block that reads the answer may raise its own OSError."""

HTTP_PORT: Final = 80

OF_A_BODY: Final = frozenset({b"content-length", b"transfer-encoding"})
"""The headers that describe a body. Each request has its own."""


class RequestHead(Struct, frozen=True):
    """The head of the requests to one address."""

    url: httpx2.URL
    headers: list[tuple[bytes, bytes]]

    @classmethod
    def of(cls, request: httpx2.Request) -> Self:
        return cls(request.url, [(name, value) for name, value in request.headers.raw if name.lower() not in OF_A_BODY])

    def request(self, body: bytes, cookies: httpx2.Cookies, connect_s: float) -> httpx2.Request:
        """Return a request with this body. Only the connection has a deadline."""
        timeout = {"connect": connect_s, "pool": connect_s, "read": None, "write": None}
        return httpx2.Request(
            "POST",
            self.url,
            headers=self.headers,
            cookies=cookies,
            content=body,
            extensions={"timeout": timeout},
        )


class OpenAIClient:
    """A client for one endpoint, with its connections.

    Raises ProviderFailed if neither the endpoint nor the environment has a usable address and a usable key.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        key = _key(endpoint)
        self._address = endpoint.address
        self._url = _url(endpoint)
        self._answered = False  # true after the first answer to any request
        self._http = httpx2.AsyncClient(
            transport=AiohttpTransport(self._url), follow_redirects=True, params=httpx2.QueryParams(endpoint.query)
        )
        self._client = openai.AsyncOpenAI(api_key=key, base_url=endpoint.base, max_retries=0, http_client=self._http)
        self._heads: dict[Api, RequestHead] = {}

    def __repr__(self) -> str:
        return f"OpenAIClient({self._address!r})"

    async def close(self) -> None:
        await self._client.close()

    async def prepare(self, api: Api) -> RequestHead:
        """Return the head of the API's requests, which the first request otherwise makes."""
        if (head := self._heads.get(api)) is None:
            head = self._heads[api] = await _head(self._client, DIALECTS[api].path, self._http.params)
        return head

    def stream(self, api: Api, body: bytes, *, connect_s: float) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Send a request, and give the answer's bytes on arrival. Leaving the block early closes the connection.

        body: JSON. connect_s: the deadline for the connection. The answer itself has no deadline here.
        """
        return self._answer(self._posted(api, body, connect_s), connect_s)

    def resume(
        self, response_id: str, after: int, *, connect_s: float
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Give the bytes of a background response after the event with this number, in the same way as stream."""
        retrieve: Any = self._client.responses.with_streaming_response.retrieve
        timeout = httpx2.Timeout(None, connect=connect_s, pool=connect_s)
        retrieved = retrieve(response_id, stream=True, starting_after=after, timeout=timeout)
        return self._answer(_http_response(retrieved), connect_s)

    async def cancel(self, response_id: str, *, timeout_s: float) -> None:
        """Cancel a background response. Errors are ignored, since the response ends anyway."""
        cancel = self._client.responses.with_streaming_response.cancel
        with suppress(openai.APIError, httpx2.HTTPError, aiohttp.ClientError, TimeoutError):
            async with asyncio.timeout(timeout_s), cancel(response_id):
                pass

    @asynccontextmanager
    async def _posted(self, api: Api, body: bytes, connect_s: float) -> AsyncGenerator[httpx2.Response, None]:
        """Send a request of the API. Raises ProviderFailed for an error status."""
        head = self._heads.get(api) or await self.prepare(api)
        response = await self._http.send(head.request(body, self._http.cookies, connect_s), stream=True)
        try:
            if not response.is_success:
                self._answered = True
                await response.aread()
                raise ProviderFailed(_refused(response))
            yield response
        finally:
            await response.aclose()

    @asynccontextmanager
    async def _answer(
        self, request: AbstractAsyncContextManager[httpx2.Response], connect_s: float
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        try:
            async with request as response:
                self._answered = True
                yield response.extensions[BODY]
        except openai.APIStatusError as error:
            self._answered = True
            raise ProviderFailed(_refused(error.response)) from error
        except FAILURES as error:
            fault = connection_fault(error, connect_s, self._address)
            if isinstance(fault, ConnectionClosed) and not self._answered and await self._is_mistaken():
                fault = wrong_scheme(self._address)
            raise ProviderFailed(fault) from error

    async def _is_mistaken(self) -> bool:
        """Return whether plain HTTP was sent to a port that speaks TLS."""
        url = self._url
        direct = proxy_of(url.scheme, url.host) is None
        return url.scheme == "http" and direct and await speaks_tls(url.host, url.port or HTTP_PORT)


async def _head(client: openai.AsyncOpenAI, path: str, params: httpx2.QueryParams) -> RequestHead:
    """Return the head of the client's requests to a path. params: the query that each request carries."""
    sent: list[httpx2.Request] = []

    def keep(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(200)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(keep), params=params) as nowhere:
        unread = httpx2.Timeout(None)  # else a header names the time after which the client stops reading
        await client.with_options(http_client=nowhere, timeout=unread).post(path, cast_to=httpx2.Response, content=b"")
    (request,) = sent
    return RequestHead.of(request)


@asynccontextmanager
async def _http_response(request: AbstractAsyncContextManager[Any]) -> AsyncGenerator[httpx2.Response, None]:
    """Return the response below a response of the openai client."""
    async with request as response:
        yield response.http_response


def _refused(response: httpx2.Response) -> ApiError:
    request = response.request
    address = f"{request.url.scheme}://{request.url.netloc.decode('ascii', 'replace')}{request.url.path}"
    return status_fault(response.status_code, response.headers, response.content, request.method, address)


def _key(endpoint: Endpoint) -> str:
    """Return the key. A missing or invalid key is a 401 as from the provider, so that the next route may be tried."""
    key = endpoint.api_key or os.environ.get("OPENAI_API_KEY")
    if not key:
        raise ProviderFailed(ApiError(401, MISSING_KEY, "missing_key"))
    if not (key.isascii() and key.isprintable()):
        raise ProviderFailed(
            ApiError(401, "expected an API key of printable ASCII, got other characters", "invalid_key")
        )
    return key


def _url(endpoint: Endpoint) -> httpx2.URL:
    try:
        url = httpx2.URL(endpoint.url)
    except httpx2.InvalidURL:
        url = httpx2.URL()
    if url.scheme not in ("http", "https"):
        raise ProviderFailed(NetworkError("einval", f"expected an http or https address, got {endpoint.address}"))
    return url
