"""An answer as it arrives: a client's bytes, read into deltas, given to a sink, within two deadlines."""

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

TRAILER_S: Final = 1.0  # a provider may send usage after its finish, or nothing more at all
DRAIN_S: Final = 0.05  # how long an answer's end may take to arrive, so that its connection can be used again

Sink: TypeAlias = Callable[[list[Delta]], Awaitable[None] | None]
"""Takes the deltas of one chunk, never none of them. Where it answers with an awaitable, that is awaited before the
next chunk is read."""

Answer: TypeAlias = AbstractAsyncContextManager[AsyncIterator[bytes]]
"""The bytes of one connection; closed when its block is left."""


class Deadlines(Struct, frozen=True):
    """connect_s: until there is a connection. first_byte_s: from the request until its answer's first event with data;
    idle_s: between two of them. An answer that is not streamed is one event for each piece of it that arrives.
    hasty: they are shorter than the host's, so that one that passes is not held against the provider.
    """

    connect_s: float = 10.0
    first_byte_s: float = 30.0
    idle_s: float = 30.0
    hasty: bool = False

    @property
    def connection_s(self) -> float:
        return min(self.connect_s, self.first_byte_s)


async def read_answer(answer: Answer, reader: StreamReader, sink: Sink, deadlines: Deadlines) -> None:
    """Read to the end of the answer, or of the connection. Then the reader has ended, or is resumable.

    Raises ProviderFailed when the connection breaks or a deadline passes; the reader may have ended all the same.
    Raises Unanswered where the answer ended before it said anything.
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

    def take(chunk: bytes) -> bool:  # the token path: no task is switched to, nothing waits
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
    """Read what follows a finish reason: usage, which some providers never send, or nothing.

    If deltas follow, the finish reason came too early, as in every chunk of some providers (Gemini). Then each silence
    may last idle_s, and the end of the last one completes the answer.
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
