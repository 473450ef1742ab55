"""The client for a provider: the openai client makes the head of a request, and we read the bytes of the answer.

The openai client adds keys, organisation, and the headers and the query of the settings. For each request it copies
options, merges headers and walks through type annotations, with the same result: 0.6 ms of a short turn's 2 ms. So it
makes one request per API, to a transport that keeps the head and sends nothing. The later requests have this head.
The exception is an endpoint whose requests are signed: a signature is of one body, so the client makes each request.

The transport makes the connections, through a proxy if one is set. The client limits only the time to connect, and
retries nothing: its callers do. The exception is a key that a source renews after a refusal. Each failure raises
ProviderFailed with a Fault.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final, TypeAlias

import aiohttp
import httpx2
import openai

from agents.core.errors import ApiError, ConnectionClosed, NetworkError
from agents.llm.client_faults import connection_fault, status_fault, wrong_scheme
from agents.llm.dialects import DIALECTS
from agents.llm.encoding import BadEncoding
from agents.llm.endpoint import AUTHORIZATION, Api, Endpoint, ProviderFailed
from agents.llm.http.credential import UNUSED, Credential
from agents.llm.http.official_client import client_of, head_of
from agents.llm.http.proxy import proxy_of
from agents.llm.http.request_head import RequestHead
from agents.llm.http.transport import BODY, AiohttpTransport
from agents.llm.request_id import OURS
from agents.llm.tls_probe import speaks_tls
from agents.traces.carrier import carried

FAILURES: Final = (openai.APIConnectionError, httpx2.HTTPError, aiohttp.ClientError, BadEncoding)
"""Failures of a connection. OSError is not among them: the block that reads the answer may raise its own OSError."""

HTTP_PORT: Final = 80
UNAUTHORIZED: Final = 401
FORBIDDEN: Final = 403

NewRequest: TypeAlias = Callable[[], AbstractAsyncContextManager[httpx2.Response]]
"""Makes a request with the present key, which its block sends."""


class OpenAIClient:
    """A client for one endpoint, with its connections.

    Raises ProviderFailed if neither the endpoint nor the environment has a usable address and a usable key.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._credential = Credential(endpoint)
        self._endpoint, self._address = endpoint, endpoint.address
        self._url = _url(endpoint)
        self._answered = False  # true after the first answer to any request
        self._http = httpx2.AsyncClient(
            transport=AiohttpTransport(self._url),
            follow_redirects=True,  # the openai client follows none with a signed request
            params=httpx2.QueryParams(endpoint.url_query),
            event_hooks={"request": [self._check_headers]},
        )
        self._use(self._credential.key)

    def __repr__(self) -> str:
        return f"OpenAIClient({self._address!r})"

    async def close(self) -> None:
        self._credential.close()
        await self._client.close()

    def _use(self, key: str) -> None:
        """Make the later requests with this key."""
        self._key, self._client = key, client_of(self._endpoint, key, self._http)
        self._heads: dict[Api, RequestHead] = {}

    async def _renew(self, refused: str | None = None) -> None:
        """Use the present key. refused: the key that the provider has just refused. Raises ProviderFailed."""
        if (key := await self._credential.read(refused)) != self._key:
            self._use(key)

    async def _check_headers(self, request: httpx2.Request) -> None:
        """Remove an unused key, and all our headers from a request that a redirect sends to another server."""
        elsewhere = (request.url.scheme, request.url.netloc) != (self._url.scheme, self._url.netloc)
        for name in (*AUTHORIZATION, *(name for name, _ in self._endpoint.headers)):
            if elsewhere or request.headers.get(name, "").endswith(UNUSED):
                request.headers.pop(name, None)

    async def prepare(self, api: Api) -> RequestHead:
        """Return the head of the API's requests, which the first request otherwise makes."""
        heads = self._heads  # those of the present key, which may change meanwhile
        if (head := heads.get(api)) is None:
            head = heads[api] = await head_of(self._client, DIALECTS[api].path, self._http.params)
        return head

    def stream(
        self, api: Api, body: bytes, *, connect_s: float, request_id: str = ""
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Send a request, and give the answer's bytes on arrival. Leaving the block early closes the connection.

        body: JSON. connect_s: the deadline for the connection. The answer itself has no deadline here. request_id: for
        the provider's log; "": none.
        """
        send = self._posted if self._endpoint.aws is None else self._signed
        own = {OURS: request_id} if request_id and not self._endpoint.has_header(OURS) else {}
        return self._answer(lambda: send(api, body, connect_s, {**carried(), **own}), connect_s)

    def resume(
        self, response_id: str, after: int, *, connect_s: float
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Give the bytes of a background response after the event with this number, in the same way as stream."""
        timeout = _to_connect(connect_s)

        def retrieved() -> AbstractAsyncContextManager[httpx2.Response]:
            retrieve: Any = self._client.responses.with_streaming_response.retrieve
            given = {"stream": True, "starting_after": after, "timeout": timeout, "extra_headers": carried()}
            return _http_response(retrieve(response_id, **given))

        return self._answer(retrieved, connect_s)

    async def cancel(self, response_id: str, *, timeout_s: float) -> None:
        """Cancel a background response. Errors are ignored, since the response ends anyway."""
        with suppress(openai.APIError, httpx2.HTTPError, aiohttp.ClientError, TimeoutError, ProviderFailed):
            async with asyncio.timeout(timeout_s):
                await self._renew()
                async with self._client.responses.with_streaming_response.cancel(response_id):
                    pass

    @asynccontextmanager
    async def _posted(
        self, api: Api, body: bytes, connect_s: float, headers: Mapping[str, str]
    ) -> AsyncGenerator[httpx2.Response, None]:
        """Send a request of the API. headers: of this request. Raises ProviderFailed for an error status."""
        head = self._heads.get(api) or await self.prepare(api)
        response = await self._http.send(head.request(body, self._http.cookies, connect_s, headers), stream=True)
        try:
            if not response.is_success:
                self._answered = True
                await response.aread()
                raise ProviderFailed(_refused(response))
            yield response
        finally:
            await response.aclose()

    @asynccontextmanager
    async def _signed(
        self, api: Api, body: bytes, connect_s: float, headers: Mapping[str, str]
    ) -> AsyncGenerator[httpx2.Response, None]:
        """Send a request that the openai client makes and signs. Raises ProviderFailed for an error status."""
        options: Any = {"timeout": _to_connect(connect_s), "headers": headers}
        sent: Any = {"content": body, "options": options, "stream": True, "stream_cls": openai.AsyncStream[Any]}
        try:
            stream = await self._client.post(DIALECTS[api].path, cast_to=object, **sent)
        except openai.APIStatusError as error:
            self._answered = True
            raise ProviderFailed(_refused(error.response)) from error
        try:
            yield stream.response
        finally:
            await stream.close()

    @asynccontextmanager
    async def _authorized(self, request: NewRequest) -> AsyncGenerator[httpx2.Response, None]:
        """Send a request with the present key, and again if its key is refused and its source has another one."""
        await self._renew()
        key = self._key
        async with AsyncExitStack() as stack:
            try:
                response = await stack.enter_async_context(request())
            except ProviderFailed as failed:
                if not _is_refusal(failed, self._endpoint):
                    raise
                with suppress(ProviderFailed):  # the provider's own error says more
                    await self._renew(refused=key)
                if self._key == key:
                    raise
                response = await stack.enter_async_context(request())
            yield response

    @asynccontextmanager
    async def _answer(self, request: NewRequest, connect_s: float) -> AsyncGenerator[AsyncIterator[bytes], None]:
        try:
            async with self._authorized(request) if self._credential.changes else request() as response:
                self._answered = True
                yield response.extensions[BODY]
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


@asynccontextmanager
async def _http_response(request: AbstractAsyncContextManager[Any]) -> AsyncGenerator[httpx2.Response, None]:
    """Return the response below a response of the openai client. Raises ProviderFailed for an error status."""
    try:
        async with request as response:
            yield response.http_response
    except openai.APIStatusError as error:
        raise ProviderFailed(_refused(error.response)) from error


def _refused(response: httpx2.Response) -> ApiError:
    request = response.request
    address = f"{request.url.scheme}://{request.url.netloc.decode('ascii', 'replace')}{request.url.path}"
    return status_fault(response.status_code, response.headers, response.content, request.method, address)


def _is_refusal(failed: ProviderFailed, endpoint: Endpoint) -> bool:
    """Return whether the provider refused the key. AWS refuses expired credentials with 403."""
    codes = (UNAUTHORIZED,) if endpoint.aws is None else (UNAUTHORIZED, FORBIDDEN)
    return isinstance(failed.fault, ApiError) and failed.fault.code in codes


def _to_connect(connect_s: float) -> httpx2.Timeout:
    return httpx2.Timeout(None, connect=connect_s, pool=connect_s)


def _url(endpoint: Endpoint) -> httpx2.URL:
    try:
        url = httpx2.URL(endpoint.url)
    except httpx2.InvalidURL:
        url = httpx2.URL()
    if url.scheme not in ("http", "https"):
        raise ProviderFailed(NetworkError("einval", f"expected an http or https address, got {endpoint.address}"))
    return url
