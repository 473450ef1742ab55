"""LangGraph: an agent of create_agent, the text from astream(stream_mode="messages")."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessageChunk
from langchain_core.tools import StructuredTool
from langchain_openai import ChatOpenAI

from benchmarks.answers import Asked
from benchmarks.chores import block
from benchmarks.workload import QUESTION, Listener, NewReader, Read


@asynccontextmanager
async def streamed(base_url: str) -> AsyncIterator[NewReader]:
    tools = [StructuredTool.from_function(block)]

    async def new_reader(model: str) -> Read:
        asked = ChatOpenAI(model=model, base_url=base_url, api_key="none", max_retries=0)
        agent = create_agent(asked, tools if Asked.of(model).calls else [])
        return lambda listener: _read(agent, listener)

    yield new_reader


async def _read(agent: Any, listener: Listener) -> None:
    question = {"messages": [("user", QUESTION)]}
    async for message, _ in agent.astream(question, stream_mode="messages"):
        if isinstance(message, AIMessageChunk) and message.content:
            listener.token(message.content)
