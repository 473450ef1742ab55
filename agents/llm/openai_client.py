"""The way to a provider: the openai client makes the request, we read the bytes of its answer.

The client brings keys, organisation, proxies and retries before the first byte; the aiohttp transport costs a third of
its default one a token. Every failure leaves here as a ProviderFailed that holds a Fault.
"""

import asyncio
import errno
import os
import socket
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import httpx2
import openai

from agents.core.errors import ApiError, ConnectionClosed, Fault, NetworkError, Timeout
from agents.llm import faults
from agents.llm.endpoint import Api, Endpoint, MissingKey, ProviderFailed

CONNECT_TIMEOUT_S = 10.0


REQUIRED: Final[Mapping[Api, Mapping[str, Any]]] = {Api.CHAT: {"messages": ()}, Api.RESPONSES: {}}
"""What `create` insists on by name, empty. The body itself goes as extra_body, which wins and is sent as it is: what is
given by name `create` walks through, annotation by annotation, and a conversation is long."""


class OpenAIClient:
    """One endpoint's connections. Raises MissingKey when neither the endpoint nor the environment has a key."""

    def __init__(self, endpoint: Endpoint) -> None:
        key = endpoint.api_key or os.environ.get("OPENAI_API_KEY")
        if not key:
            raise MissingKey
        self._client = openai.AsyncOpenAI(
            api_key=key, base_url=endpoint.base_url, http_client=openai.DefaultAioHttpClient()
        )
        self._creates: dict[tuple[Api, int], Any] = {}

    async def close(self) -> None:
        await self._client.close()

    @asynccontextmanager
    async def stream(
        self, api: Api, body: Mapping[str, Any], *, chunk_timeout_s: float, max_retries: int
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        """The answer's bytes, as they come. Leaving the block closes the connection if the answer is not at its end.

        chunk_timeout_s: longest silence, before the first byte and between two reads.
        """
        timeout = httpx2.Timeout(chunk_timeout_s, connect=min(CONNECT_TIMEOUT_S, chunk_timeout_s))
        create = self._create(api, max_retries)
        try:
            async with create(
                model=body["model"], stream=True, timeout=timeout, extra_body=body, **REQUIRED[api]
            ) as response:
                yield _chunks(response.http_response)
        except openai.APIStatusError as error:
            raise ProviderFailed(_status_fault(error)) from error
        except (openai.APIConnectionError, httpx2.HTTPError, aiohttp.ClientError, OSError) as error:
            raise ProviderFailed(_connection_fault(error, chunk_timeout_s)) from error

    def _create(self, api: Api, max_retries: int) -> Any:
        """The client's `create`, with so many retries. Kept: a client finds out its platform in a thread, once."""
        create = self._creates.get((api, max_retries))
        if create is None:
            client = self._client.with_options(max_retries=max_retries)
            resource: Any = client.chat.completions if api is Api.CHAT else client.responses
            create = self._creates[api, max_retries] = resource.with_streaming_response.create
        return create


def _chunks(response: httpx2.Response) -> AsyncIterator[bytes]:
    """The body as it comes. Of a plain one, each chunk need not pass the three generators that would decode it."""
    stream = response.stream
    if "content-encoding" in response.headers or not isinstance(stream, httpx2.AsyncByteStream):
        return response.aiter_bytes()
    return aiter(stream)


def _status_fault(error: openai.APIStatusError) -> ApiError:
    response = error.response
    wait_s = faults.retry_after_s(response.headers, time.time())
    return faults.api_error(response.status_code, response.content, wait_s)


def _connection_fault(error: BaseException, timeout_s: float) -> Fault:
    """Look through the wrappers for what really happened: a timeout, an errno, or a connection that ended."""
    for cause in _causes(error):
        match cause:
            case aiohttp.ConnectionTimeoutError():
                return Timeout("connection", min(CONNECT_TIMEOUT_S, timeout_s))
            case aiohttp.ServerTimeoutError() | asyncio.TimeoutError() | httpx2.ReadTimeout():
                return Timeout("data from the provider", timeout_s)
            case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError():
                return ConnectionClosed()
            case aiohttp.ClientConnectorError():
                return _os_fault(cause.os_error, f"{cause.host}:{cause.port}")
            case aiohttp.InvalidURL():
                return NetworkError("einval", f"expected an http or https address, got {cause.url}")
            case OSError():
                return _os_fault(cause, "")
    return NetworkError("unknown", type(error).__name__)


def _os_fault(error: OSError, where: str) -> Fault:
    if isinstance(error, socket.gaierror):
        return NetworkError("nxdomain", where)
    return NetworkError(errno.errorcode.get(error.errno or 0, "unknown").lower(), where)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
