"""Pydantic AI: run_stream_events, whose events bring the text."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from openai import AsyncOpenAI
from pydantic_ai import Agent, PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from benchmarks.answers import Asked
from benchmarks.chores import block
from benchmarks.workload import QUESTION, Listener, NewReader, Read


@asynccontextmanager
async def streamed(base_url: str) -> AsyncIterator[NewReader]:
    async with AsyncOpenAI(api_key="none", base_url=base_url) as client:
        provider = OpenAIProvider(openai_client=client)

        async def new_reader(model: str) -> Read:
            tools = [block] if Asked.of(model).calls else []
            agent = Agent(OpenAIChatModel(model, provider=provider), tools=tools)
            return lambda listener: _read(agent, listener)

        yield new_reader


async def _read(agent: Any, listener: Listener) -> None:
    async with agent.run_stream_events(QUESTION) as events:
        async for event in events:
            if isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
                listener.token(event.delta.content_delta)
            elif isinstance(event, PartStartEvent) and isinstance(event.part, TextPart) and event.part.content:
                listener.token(event.part.content)
