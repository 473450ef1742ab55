"""What it costs to keep a stream: the journal's part of a token, and how long it takes to read a stream again."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from msgspec import Struct

from actors import GenServer, NoReply, call, send, start
from actors import stop as stop_process
from agents import agent, application
from agents.core.conversation import AssistantMessage, UserMessage
from agents.core.events import Event, StreamComplete, StreamError, StreamToken
from agents.sessions import JournalHandle, Recorder, Store, StreamStatus
from agents.sessions.journal import Journal, OpenJournal
from agents.settings import Durability, SessionSettings
from benchmarks.ours import ONE_WORKER, start_agent, to_process
from benchmarks.workload import QUESTION, Listener, Load, Measured, NewReader, Read, cpu_us_a_token

SESSION: Final = "bench"
RESUMES: Final = 9
PAGE: Final = 20  # events of a row, where a flush comes every 20 ms and a token every millisecond


class Sizes(Struct, frozen=True):
    """events: of the stream that is read again."""

    events: int = 2000


class Keeper(GenServer[Listener | None]):
    """As ours.Reader, and it records every event."""

    def init(self, recorder: Recorder, answered: asyncio.Future[None]) -> None:
        self.recorder, self.answered = recorder, answered

    def handle_info(self, message: Event | Listener, listener: Listener | None) -> NoReply[Listener | None]:
        if isinstance(message, Listener):
            return NoReply(message)
        self.recorder.event(message)
        if type(message) is StreamToken and listener is not None:
            listener.token(message.token)
        elif isinstance(message, StreamComplete):
            said = (UserMessage(QUESTION), AssistantMessage(message.response.content))
            self.recorder.ended(StreamStatus.COMPLETE, message.response.usage, None, said)
            self.answered.set_result(None)
        elif isinstance(message, StreamError):
            self.answered.set_exception(agent.StreamFailed(message.reason, message.content))
        return NoReply(listener)


async def journal_us(base_url: str, load: Load, name: str) -> Measured:
    """CPU microseconds a token: of an agent, and what the journal takes on top."""
    plain = await cpu_us_a_token(to_process, base_url, load)
    kept = await cpu_us_a_token(_kept, base_url, load)
    return {f"{name}_agent": plain, f"{name}_journal": kept - plain}


async def resume_ms(sizes: Sizes) -> Measured:
    """A whole stream from the store, as one who comes back with nothing gets it: the first time, and the median."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/sessions.db"
        async with application.running(ONE_WORKER), _journal(url) as handle:
            await _record(handle, sizes.events)
        store = await Store.open(url)
        took_s = [await _read_s(store, sizes.events) for _ in range(RESUMES)]
        await store.close()
    return {"resume_first_ms": took_s[0] * 1000, "resume_ms": median(took_s) * 1000}


@asynccontextmanager
async def _kept(base_url: str) -> AsyncIterator[NewReader]:
    """agent.stream_chat, its events handled and recorded by a subscriber process."""
    with TemporaryDirectory() as folder:
        async with application.running(ONE_WORKER), _journal(f"sqlite:///{folder}/sessions.db") as handle:
            count = 0

            async def new_reader(model: str) -> Read:
                nonlocal count
                count += 1
                number, pid = count, await start_agent(base_url, model)

                async def read(listener: Listener) -> None:
                    answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                    recorder = handle.recorder(
                        SESSION, f"stream-{number}", QUESTION, on_durable=_nothing, on_failure=_fail
                    )
                    reader = await start(Keeper, recorder, answered)
                    send(reader, listener)
                    agent.stream_chat(pid, QUESTION, reader)
                    await answered
                    await recorder.durable()

                return read

            yield new_reader


@asynccontextmanager
async def _journal(url: str) -> AsyncIterator[JournalHandle]:
    journal = await start(Journal, SessionSettings(url=url, durability=Durability.BATCHED))
    handle: JournalHandle = await call(journal, OpenJournal())
    handle.begin_session(SESSION, "agent")
    yield handle
    await stop_process(journal)


async def _record(handle: JournalHandle, events: int) -> None:
    recorder = handle.recorder(SESSION, "stream", QUESTION, on_durable=_nothing, on_failure=_fail)
    for seq in range(1, events + 1):
        recorder.event(StreamToken(f" w{seq}", stream_id="stream", seq=seq))
        if seq % PAGE == 0:
            await recorder.durable()
    recorder.ended(StreamStatus.COMPLETE, None, None, ())
    await recorder.durable()


async def _read_s(store: Store, events: int) -> float:
    began_s = time.perf_counter()
    found = await store.events("stream")
    took_s = time.perf_counter() - began_s
    assert len(found) == events, len(found)
    return took_s


def _nothing(_seq: int) -> None:
    """on_durable: nobody waits."""


def _fail(failure: Exception) -> None:
    raise failure
