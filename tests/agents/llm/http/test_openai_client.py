"""The client on real connections: the requests it sends, and the bytes it gives."""

import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import openai
import pytest
from aiohttp import web

from agents.llm.endpoint import Api, Endpoint
from agents.llm.http.openai_client import OpenAIClient
from tests.agents.llm.http.loopback import answered_by

BODY = b'data: {"choices": []}\n\ndata: [DONE]\n\n'


@asynccontextmanager
async def provider(headers: dict[str, str], body: bytes) -> AsyncIterator[tuple[OpenAIClient, list[Any]]]:
    """Yield a client of a server that always answers with body, and the list of received request bodies."""
    asked: list[Any] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(await request.json())
        return web.Response(body=body, headers={"content-type": "text/event-stream", **headers})

    async with answered_by(answer) as address:
        client = OpenAIClient(Endpoint(f"{address}/v1", "any"))
        try:
            yield client, asked
        finally:
            await client.close()


async def read(client: OpenAIClient, api: Api, body: dict[str, Any]) -> bytes:
    async with client.stream(api, json.dumps(body).encode(), connect_s=5.0) as chunks:
        return b"".join([chunk async for chunk in chunks])


@pytest.mark.parametrize(
    ("headers", "sent"),
    [({}, BODY), ({"content-encoding": "identity"}, BODY), ({"content-encoding": "gzip"}, gzip.compress(BODY))],
    ids=["plain", "identity", "gzip"],
)
async def test_the_bytes_are_those_of_the_stream_however_it_was_sent(headers: dict[str, str], sent: bytes) -> None:
    async with provider(headers, sent) as (client, _):
        assert await read(client, Api.CHAT, {"model": "m", "messages": [], "stream": True}) == BODY


@pytest.mark.parametrize(
    ("api", "body"),
    [
        (Api.CHAT, {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True, "top_k": 5}),
        (Api.CHAT, {"model": "m", "messages": [{"role": "user", "content": None, "odd": 1}], "stream": False}),
        (Api.CHAT, {"model": "m", "messages": []}),
        (Api.RESPONSES, {"model": "m", "input": [{"role": "user", "content": "hi"}], "stream": True, "store": None}),
    ],
)
async def test_a_body_is_sent_as_it_is_given(api: Api, body: dict[str, Any]) -> None:
    async with provider({}, BODY) as (client, asked):
        await read(client, api, body)
    assert asked == [body]


NOT_OF_THE_HEAD = ("content-length", "x-stainless-raw-response")  # of the body, and of the openai client itself


@asynccontextmanager
async def recorded(
    answered: dict[str, str] | None = None, status: int = 200
) -> AsyncIterator[tuple[str, list[tuple[str, dict[str, str]]]]]:
    """Yield the address of a server, and the path and the headers of each request.

    The server answers with status and headers; the path /v2 answers with the request's body.
    """
    requests: list[tuple[str, dict[str, str]]] = []

    async def answer(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        requests.append(
            (request.path_qs, {name: value for name, value in headers.items() if name not in NOT_OF_THE_HEAD})
        )
        if request.path == "/v2":
            return web.Response(body=await request.read())
        return web.Response(status=status, headers=answered)

    async with answered_by(answer) as address:
        yield f"{address}/", requests


HEADS = [
    ("v1", {}),
    ("openai/v1?api-version=2&deployment=a%20b", {}),
    ("v1", {"OPENAI_ORG_ID": "org-1", "OPENAI_PROJECT_ID": "proj-1", "OPENAI_CUSTOM_HEADERS": "X-Team: a"}),
]


@pytest.mark.parametrize(("base", "environment"), HEADS, ids=["plain", "query", "organisation"])
@pytest.mark.parametrize("userinfo", ["", "user:pass@"])
async def test_each_request_has_the_address_and_the_headers_that_the_openai_client_sends(
    base: str, environment: dict[str, str], userinfo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    async with recorded() as (address, requests):
        url = address.replace("//", f"//{userinfo}") + base
        client = OpenAIClient(Endpoint(url, "any"))
        for api in (Api.CHAT, Api.CHAT, Api.RESPONSES):
            await read(client, api, {"model": "m"})
        await client.close()
        path, _, query = url.partition("?")
        http = httpx2.AsyncClient(params=httpx2.QueryParams(query))
        async with openai.AsyncOpenAI(api_key="any", base_url=path, http_client=http) as theirs:
            stream = theirs.chat.completions.with_streaming_response
            for _ in range(2):
                async with stream.create(
                    model="m", messages=[], extra_body={"model": "m"}, timeout=httpx2.Timeout(None)
                ):
                    pass
            async with theirs.responses.with_streaming_response.create(model="m", timeout=httpx2.Timeout(None)):
                pass
    assert requests[:3] == requests[3:]


async def test_a_cookie_of_the_provider_comes_back_with_the_next_request() -> None:
    async with recorded({"set-cookie": "route=7; Path=/"}) as (address, requests):
        client = OpenAIClient(Endpoint(f"{address}v1", "any"))
        for _ in range(2):
            await read(client, Api.CHAT, {"model": "m"})
        await client.close()
    assert [headers.get("cookie") for _, headers in requests] == [None, "route=7"]


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_is_followed_with_the_body(status: int) -> None:
    async with recorded({"location": "/v2"}, status) as (address, requests):
        client = OpenAIClient(Endpoint(f"{address}v1", "any"))
        assert await read(client, Api.CHAT, {"model": "m"}) == b'{"model": "m"}'
        await client.close()
    assert [path for path, _ in requests] == ["/v1/chat/completions", "/v2"]
    assert [headers["authorization"] for _, headers in requests] == ["Bearer any"] * 2
