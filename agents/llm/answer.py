"""Read an answer as it arrives: bytes become deltas for a sink, within two deadlines."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, TypeAlias

from msgspec import Struct

from agents.core.deltas import Delta
from agents.core.errors import ConnectionClosed
from agents.llm.endpoint import ProviderFailed, Unanswered
from agents.llm.http.body import push
from agents.llm.reader import StreamReader
from agents.llm.silence import Silence

TRAILER_S: Final = 1.0  # after its finish reason a provider may send usage, or nothing
DRAIN_S: Final = 0.05  # the longest wait for an answer's last bytes; then its connection can be used again

Sink: TypeAlias = Callable[[list[Delta]], Awaitable[None] | None]
"""A function that gets the deltas of one chunk, at least one. If it returns an awaitable, the next chunk is read only
after that awaitable is done."""

Answer: TypeAlias = AbstractAsyncContextManager[AsyncIterator[bytes]]
"""The bytes of one connection. Leaving the block closes the connection."""


class ModelCallDeadlines(Struct, frozen=True):
    """The deadlines of one model call.

    connect_s: for the connection. first_byte_s: from the request to the answer's first event with data. idle_s: between
    two events with data. In an answer that is not streamed, each piece that arrives counts as one event. hasty: these
    deadlines are shorter than the host's, so a missed one does not count as the provider's failure.
    """

    connect_s: float = 10.0
    first_byte_s: float = 30.0
    idle_s: float = 30.0
    hasty: bool = False

    @property
    def connection_s(self) -> float:
        return min(self.connect_s, self.first_byte_s)


async def read_answer(answer: Answer, reader: StreamReader, sink: Sink, deadlines: ModelCallDeadlines) -> None:
    """Read to the end of the answer or of the connection. Afterwards the reader has ended or is resumable.

    Raises ProviderFailed when the connection breaks or a deadline passes, even if the reader has ended.
    Raises Unanswered if the answer ended without an event.
    """
    silence = Silence(reader, first_s=deadlines.first_byte_s, idle_s=deadlines.idle_s)
    began = False
    try:
        async with silence, answer as chunks:
            began = True
            await _read(chunks, reader, sink, silence, deadlines.idle_s)
    except ProviderFailed as failed:
        if began and reader.silent and isinstance(failed.fault, ConnectionClosed):
            raise Unanswered(failed.fault) from failed
        raise


async def _read(
    chunks: AsyncIterator[bytes], reader: StreamReader, sink: Sink, silence: Silence, idle_s: float
) -> None:
    taking: Awaitable[None] | None = None

    def take(chunk: bytes) -> bool:  # the token path: no task switch and no wait
        nonlocal taking
        deltas = reader.feed(chunk)
        silence.heard()
        if deltas:
            taking = sink(deltas)
        return taking is not None or reader.settled

    await push(chunks, take)
    while taking is not None:
        silence.suspend()
        await taking
        silence.resume()
        taking = None
        if not reader.settled:
            await push(chunks, take)
    silence.suspend()
    if not reader.ended:
        await _trailer(chunks, reader, sink, idle_s)
    await _drain(chunks)


async def give(sink: Sink, deltas: list[Delta]) -> None:
    if deltas and (taking := sink(deltas)) is not None:
        await taking


async def _trailer(chunks: AsyncIterator[bytes], reader: StreamReader, sink: Sink, idle_s: float) -> None:
    """Read the bytes after a finish reason: usage, which some providers never send, or nothing.

    Some providers (Gemini) send a finish reason in every chunk, so deltas may follow it. Then the reader waits up to
    idle_s for the next chunk. A silence of idle_s completes the answer.
    """
    loop = asyncio.get_running_loop()
    until_s = loop.time() + TRAILER_S
    while not reader.ended:
        try:
            async with asyncio.timeout_at(until_s):
                chunk = await anext(chunks, None)
        except TimeoutError:
            chunk = None
        if chunk is None:
            if reader.silent:
                raise ProviderFailed(ConnectionClosed())
            await give(sink, reader.end())
            return
        if deltas := reader.feed(chunk):
            await give(sink, deltas)
            until_s = loop.time() + idle_s


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    try:
        async with asyncio.timeout(DRAIN_S):
            async for _ in chunks:
                pass
    except TimeoutError:
        pass
