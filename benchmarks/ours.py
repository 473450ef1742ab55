"""An agent of the whole application, from the provider's bytes to who reads its events."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from actors import GenServer, NoReply, Pid, start
from agents import agent, application
from agents.core.events import Event, StreamComplete, StreamError, StreamToken
from agents.settings import Settings, StreamingSettings, ToolSettings
from benchmarks.workload import QUESTION, Answer, NewReader, Read
from supervisors import agent_supervisor


class TokenCounter(GenServer[int]):
    """A subscriber process: takes the events of one stream from its mailbox and counts the tokens."""

    def init(self, answered: asyncio.Future[Answer]) -> int:
        self.answered = answered
        self.first_token_s = 0.0
        return 0

    def handle_info(self, message: Event, tokens: int) -> NoReply[int]:
        if type(message) is StreamToken:
            if not tokens:
                self.first_token_s = time.perf_counter()
            return NoReply(tokens + 1)
        if isinstance(message, StreamComplete | StreamError):
            self.answered.set_result(Answer(tokens, self.first_token_s))
        return NoReply(tokens)


@asynccontextmanager
async def to_process(base_url: str) -> AsyncIterator[NewReader]:
    """agent.stream_chat, its events handled by a subscriber process."""

    async def new_reader(model: str) -> Read:
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        pid, counter = await _agent(base_url, model), await start(TokenCounter, answered)
        return lambda: _ask(pid, counter, answered)

    async with application.running(_SETTINGS):
        yield new_reader


@asynccontextmanager
async def by_iteration(base_url: str) -> AsyncIterator[NewReader]:
    """async for event in agent.stream."""

    async def new_reader(model: str) -> Read:
        pid = await _agent(base_url, model)
        return lambda: _iterate(pid)

    async with application.running(_SETTINGS):
        yield new_reader


_SETTINGS = Settings(
    streaming=StreamingSettings(buffer_size=1_000_000),  # every token an event of its own, however fast they come
    tools=ToolSettings(workers=1),
)


async def _agent(base_url: str, model: str) -> Pid:
    return await agent_supervisor.start_agent({"model": model, "base_url": base_url, "api_key": "none"})


async def _ask(pid: Pid, counter: Pid, answered: asyncio.Future[Answer]) -> Answer:
    agent.stream_chat(pid, QUESTION, counter)
    return await answered


async def _iterate(pid: Pid) -> Answer:
    tokens, first_token_s = 0, 0.0
    async for event in agent.stream(pid, QUESTION):
        if type(event) is StreamToken:
            tokens += 1
            if tokens == 1:
                first_token_s = time.perf_counter()
    return Answer(tokens, first_token_s)
