"""A stage for each test: a server with a script, an OpenAI client, and a plain HTTP client."""

import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
import pytest
from openai import AsyncOpenAI

from agents.rehearsal import RehearsalServer, Script, parse

HELLO = {"role": "user", "content": "hello there"}


def data_of(text: str) -> list[str]:
    """Return the data of each event. The text must end with a complete event."""
    *blocks, rest = text.split("\n\n")
    assert rest == ""
    return [block.rpartition("data: ")[2] for block in blocks]


@dataclass(frozen=True)
class Stage:
    server: RehearsalServer
    openai: AsyncOpenAI
    http: aiohttp.ClientSession
    stack: AsyncExitStack

    async def post(self, path: str, body: dict[str, Any]) -> aiohttp.ClientResponse:
        response = await self.http.post(f"{self.server.base_url}{path}", json=body)
        self.stack.callback(response.close)
        return response

    async def chat(self, model: str, **fields: Any) -> aiohttp.ClientResponse:
        """Return the response to a chat request, with its body unread."""
        return await self.post("/chat/completions", {"model": model, "messages": [HELLO], **fields})

    async def respond(self, model: str, **fields: Any) -> aiohttp.ClientResponse:
        """Return the response to a Responses request, with its body unread."""
        return await self.post("/responses", {"model": model, "input": [HELLO], **fields})

    async def chat_events(self, model: str, **fields: Any) -> list[Any]:
        """Return the data of each event of a chat stream, except the required [DONE]."""
        *events, done = data_of(await (await self.chat(model, stream=True, **fields)).text())
        assert done == "[DONE]"
        return [json.loads(event) for event in events]

    async def response_events(self, model: str, **fields: Any) -> list[Any]:
        text = await (await self.respond(model, stream=True, **fields)).text()
        return [json.loads(event) for event in data_of(text)]


class Perform(Protocol):
    def __call__(self, script: Script | str, api_key: str | None = None) -> Awaitable[Stage]: ...


@pytest.fixture
async def perform() -> AsyncIterator[Perform]:
    """Return a function perform(script or TOML text) -> Stage."""
    async with AsyncExitStack() as stack:

        async def start(script: Script | str, api_key: str | None = None) -> Stage:
            parsed = parse(script, "test.toml") if isinstance(script, str) else script
            server = await stack.enter_async_context(RehearsalServer(parsed, api_key=api_key))
            client = AsyncOpenAI(base_url=server.base_url, api_key="any", max_retries=0)
            await stack.enter_async_context(client)
            return Stage(server, client, await stack.enter_async_context(aiohttp.ClientSession()), stack)

        yield start
