"""The OpenAI Agents SDK: Runner.run_streamed, the text from stream_events()."""

import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from openai import AsyncOpenAI

from benchmarks.answers import Asked
from benchmarks.chores import block
from benchmarks.workload import QUESTION, Listener, NewReader, Read

sdk: Any = importlib.import_module("agents")  # an import statement would mean the project's own package


@asynccontextmanager
async def streamed(base_url: str) -> AsyncIterator[NewReader]:
    async with AsyncOpenAI(api_key="none", base_url=base_url) as client:

        async def new_reader(model: str) -> Read:
            tools = [sdk.function_tool(block)] if Asked.of(model).calls else []
            asked = sdk.OpenAIChatCompletionsModel(model=model, openai_client=client)
            agent = sdk.Agent(name="agent", model=asked, tools=tools)
            return lambda listener: _read(agent, listener)

        yield new_reader


async def _read(agent: Any, listener: Listener) -> None:
    async for event in sdk.Runner.run_streamed(agent, QUESTION).stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            listener.token(event.data.delta)
