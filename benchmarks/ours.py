"""An agent of the whole application, from the provider's bytes to the reader of its events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import TemporaryDirectory
from typing import Final

from actors import GenServer, NoReply, Pid, send, start
from agents import agent, application
from agents.core.events import Event, StreamComplete, StreamError, StreamToken
from agents.settings import Durability, GarbageCollection, SessionSettings, Settings, StreamingSettings, ToolSettings
from benchmarks.answers import Asked
from benchmarks.toolbox import CHORES
from benchmarks.workload import QUESTION, Listener, NewReader, Read
from supervisors import agent_supervisor

MANY_UNREAD: Final = 1_000_000  # so that each token is a separate event at any speed
ONE_WORKER: Final = Settings(tools=ToolSettings(workers=1), streaming=StreamingSettings(buffer_size=MANY_UNREAD))
DEFAULTS: Final = Settings(streaming=StreamingSettings(buffer_size=MANY_UNREAD))


class Reader(GenServer[Listener | None]):
    """A subscriber process: takes the events of one stream from its mailbox and passes each token to the listener.

    State: the listener, which is its first message.
    """

    def init(self, answered: asyncio.Future[None]) -> None:
        self.answered = answered

    def handle_info(self, message: Event | Listener, listener: Listener | None) -> NoReply[Listener | None]:
        if type(message) is StreamToken and listener is not None:
            listener.token(message.token)
        elif isinstance(message, Listener):
            return NoReply(message)
        elif isinstance(message, StreamComplete):
            self.answered.set_result(None)
        elif isinstance(message, StreamError):
            self.answered.set_exception(agent.StreamFailed(message.reason, message.content))
        return NoReply(listener)


@asynccontextmanager
async def to_process(base_url: str) -> AsyncIterator[NewReader]:
    """Read with agent.stream_chat, in a subscriber process."""
    async with application.running(ONE_WORKER):
        yield lambda model: _to_reader(base_url, model)


@asynccontextmanager
async def to_process_unsliced(base_url: str) -> AsyncIterator[NewReader]:
    """Read the same with Python's own settings of the garbage collector."""
    async with application.running(ONE_WORKER.model_copy(update={"garbage_collection": GarbageCollection.UNCHANGED})):
        yield lambda model: _to_reader(base_url, model)


@asynccontextmanager
async def to_process_kept(base_url: str) -> AsyncIterator[NewReader]:
    """Read the same with kept sessions, as in the daemon."""
    with TemporaryDirectory() as folder:
        kept = SessionSettings(url=f"sqlite:///{folder}/sessions.db", durability=Durability.BATCHED)
        async with application.running(ONE_WORKER.model_copy(update={"sessions": kept})):
            yield lambda model: _to_reader(base_url, model)


@asynccontextmanager
async def by_iteration(base_url: str) -> AsyncIterator[NewReader]:
    """Read with async for event in agent.stream."""
    async with application.running(ONE_WORKER):
        yield lambda model: _iterator(base_url, model)


@asynccontextmanager
async def with_tools(base_url: str) -> AsyncIterator[NewReader]:
    """Run the application with the chores as tools, and with the default number of workers."""
    async with application.running(DEFAULTS):
        yield lambda model: _iterator(base_url, model)


async def start_agent(base_url: str, model: str) -> Pid:
    tools = CHORES if Asked.of(model).calls else ()
    return await agent_supervisor.start_agent(
        {"model": model, "base_url": base_url, "api_key": "none", "tools": [*tools]}
    )


async def _to_reader(base_url: str, model: str) -> Read:
    answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    pid, reader = await start_agent(base_url, model), await start(Reader, answered)

    async def read(listener: Listener) -> None:
        send(reader, listener)
        agent.stream_chat(pid, QUESTION, reader)
        await answered

    return read


async def _iterator(base_url: str, model: str) -> Read:
    pid = await start_agent(base_url, model)

    async def read(listener: Listener) -> None:
        async for event in agent.stream(pid, QUESTION):
            if type(event) is StreamToken:
                listener.token(event.token)

    return read
