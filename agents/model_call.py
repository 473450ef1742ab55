"""One model call: the request, and its answer as deltas, given to a sink as they arrive.

Source: API reference, "Module: streaming_function_handler", for a single round with the model. What follows a failure
is decided in core/retry.py, by whoever makes the call.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, TypeAlias
from uuid import uuid4

from msgspec import Struct, field

from agents.core.conversation import Conversation
from agents.core.deltas import Delta
from agents.core.errors import ApiError
from agents.llm.breaker import Outcome, outcome_of
from agents.llm.chat import ChatReader
from agents.llm.chat import request as chat_request
from agents.llm.endpoint import Api, Endpoint, MissingKey, ProviderFailed
from agents.llm.provider import Client, acquire, report
from agents.llm.reader import StreamReader
from agents.llm.responses import ResponsesReader
from agents.llm.responses import request as responses_request
from agents.llm.silence import Silence

TRAILER_S: Final = 1.0  # a provider may send usage after its finish, or nothing more at all
DRAIN_S: Final = 0.05  # how long an answer's end may take to arrive, so that its connection can be used again

Sink: TypeAlias = Callable[[list[Delta]], Awaitable[None] | None]
"""Takes the deltas of one chunk, never none of them. Where it answers with an awaitable, that is awaited before the
next chunk is read."""


class Route(Struct, frozen=True):
    """Which model, where, over which API. options: more keys of the request body, sent unchanged."""

    endpoint: Endpoint
    model: str
    api: Api = Api.CHAT
    options: Mapping[str, Any] = field(default_factory=dict)


class Deadlines(Struct, frozen=True):
    """connect_s: until there is a connection. first_byte_s: from the request until its answer's first event with data;
    idle_s: between two of them. An answer that is not streamed is one event for each piece of it that arrives."""

    connect_s: float = 10.0
    first_byte_s: float = 30.0
    idle_s: float = 30.0


async def model_call(
    route: Route,
    conversation: Conversation,
    sink: Sink,
    *,
    tools: Sequence[Mapping[str, Any]] = (),
    deadlines: Deadlines,
    stream: bool = True,
) -> None:
    """Ask, and give the sink the answer. The last delta is Finished or Failed: whatever goes wrong is a delta, too.

    tools: name, description, parameters. stream: False asks for the answer in one piece. Cancelled, it closes the
    connection before it ends.
    """
    reader = _reader(route.api)
    try:
        lease = await acquire(route.endpoint)
    except ProviderFailed as failed:
        await _give(sink, reader.break_off(failed.fault))
        return
    except MissingKey as missing:
        await _give(sink, reader.break_off(ApiError(401, str(missing), "missing_key")))
        return
    try:
        await _answer(lease.client, route, _body(route, conversation, tools, stream=stream), reader, sink, deadlines)
    finally:
        report(lease, outcome_of(reader.fault) if reader.ended else Outcome.UNKNOWN)


async def _answer(
    client: Client, route: Route, body: dict[str, Any], reader: StreamReader, sink: Sink, deadlines: Deadlines
) -> None:
    connect_s = min(deadlines.connect_s, deadlines.first_byte_s)
    try:
        await _read(client.stream(route.api, body, connect_s=connect_s), reader, sink, deadlines)
    except ProviderFailed as failed:
        await _give(sink, reader.break_off(failed.fault))


async def _read(
    answer: AbstractAsyncContextManager[AsyncIterator[bytes]], reader: StreamReader, sink: Sink, deadlines: Deadlines
) -> None:
    """Raises ProviderFailed when the answer breaks; the reader may have ended all the same."""
    async with Silence(reader, first_s=deadlines.first_byte_s, idle_s=deadlines.idle_s) as silence, answer as chunks:
        async for chunk in chunks:
            deltas = reader.feed(chunk)
            silence.heard()
            if deltas and (taking := sink(deltas)) is not None:
                silence.suspend()
                await taking
                silence.resume()
            if reader.settled:
                break
        silence.suspend()
        if not reader.ended:
            await _trailer(chunks, reader, sink)
        await _drain(chunks)


async def _trailer(chunks: AsyncIterator[bytes], reader: StreamReader, sink: Sink) -> None:
    """The body is at its end, or the model has finished and only usage may follow, which some providers never send."""
    try:
        async with asyncio.timeout(TRAILER_S):
            async for chunk in chunks:
                await _give(sink, reader.feed(chunk))
                if reader.ended:
                    return
    except TimeoutError:
        pass
    await _give(sink, reader.end())


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    try:
        async with asyncio.timeout(DRAIN_S):
            async for _ in chunks:
                pass
    except TimeoutError:
        pass


async def _give(sink: Sink, deltas: list[Delta]) -> None:
    if deltas and (taking := sink(deltas)) is not None:
        await taking


def _reader(api: Api) -> StreamReader:
    return ChatReader(_new_id) if api is Api.CHAT else ResponsesReader(_new_id)


def _new_id() -> str:
    return f"call_{uuid4().hex}"


def _body(
    route: Route, conversation: Conversation, tools: Sequence[Mapping[str, Any]], *, stream: bool
) -> dict[str, Any]:
    request = chat_request if route.api is Api.CHAT else responses_request
    options = route.options if stream else {**route.options, "stream": False}
    return request(conversation, tools, model=route.model, options=options)
