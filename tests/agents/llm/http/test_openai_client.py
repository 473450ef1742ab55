"""The client on real connections: the requests it sends, and the bytes it gives."""

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from agents.llm.endpoint import Api, Endpoint
from agents.llm.http.openai_client import OpenAIClient

BODY = b'data: {"choices": []}\n\ndata: [DONE]\n\n'


@asynccontextmanager
async def provider(headers: dict[str, str], body: bytes) -> AsyncIterator[tuple[OpenAIClient, list[Any]]]:
    """Yield a client of a server that always answers with body, and the list of received request bodies."""
    asked: list[Any] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(await request.json())
        return web.Response(body=body, headers={"content-type": "text/event-stream", **headers})

    application = web.Application()
    application.router.add_post("/{any:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    client = OpenAIClient(Endpoint(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", "any"))
    try:
        yield client, asked
    finally:
        await client.close()
        await runner.cleanup()


async def read(client: OpenAIClient, api: Api, body: dict[str, Any]) -> bytes:
    async with client.stream(api, body, connect_s=5.0) as chunks:
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
