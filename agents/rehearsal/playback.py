"""Play a reply to the client: in an API's format, at its pace, with its fault."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass

import msgspec
from aiohttp import web

from agents.rehearsal.errors import BrokenOff
from agents.rehearsal.faults import GARBAGE, HTML, broken, end_connection
from agents.rehearsal.reply import Reply
from agents.rehearsal.request import Request
from agents.rehearsal.script import Fault, Model, Step
from agents.rehearsal.wire import Api, Event

STREAM_HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}


@dataclass(frozen=True)
class Pace:
    """Seconds before the first token, and between two tokens."""

    first_token_s: float = 0.0
    token_s: float = 0.0


@dataclass(frozen=True)
class Performance:
    """One reply to play. fault: the fault that is due, or None.

    after: for a resumed stream, the number of the last event to leave out. stream: None follows the request.
    """

    api: Api
    request: Request
    reply: Reply
    pace: Pace
    fault: Fault | None = None
    after: int = -1
    stream: bool | None = None

    @property
    def streams(self) -> bool:
        return self.request.stream if self.stream is None else self.stream


def pace_of(step: Step, model: Model) -> Pace:
    first = model.first_token_delay_s if step.first_token_delay_s is None else step.first_token_delay_s
    between = model.token_delay_s if step.token_delay_s is None else step.token_delay_s
    return Pace(first, between)


async def play(http: web.Request, performance: Performance) -> web.StreamResponse:
    if performance.fault and performance.fault.name == "html":
        return web.Response(text=HTML, content_type="text/html")
    return await (_play_stream(http, performance) if performance.streams else _play_whole(http, performance))


async def read(performance: Performance) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of an answer at their pace, without a connection. Raises BrokenOff where a connection breaks."""
    fault = performance.fault.name if performance.fault else None
    begun = False
    for pause_s, data in _parts(performance, fault):
        await asyncio.sleep(pause_s)
        begun = True
        yield data
    if fault == "stall":
        await asyncio.Event().wait()
    if fault in ("drop", "close"):
        raise BrokenOff(begun=begun)


def _parts(performance: Performance, fault: str | None) -> Iterator[tuple[float, bytes]]:
    if fault == "html":
        yield 0.0, HTML.encode()
    elif performance.streams:
        yield from writes(_events(performance), performance.pace)
    elif fault not in ("drop", "stall"):
        data = _body(performance)
        yield performance.pace.first_token_s, data[: len(data) // 2] if fault == "close" else data


def writes(events: Sequence[Event], pace: Pace) -> Iterator[tuple[float, bytes]]:
    """Yield (pause, bytes) for each write. Events without a pause between them are one write."""
    pause_s, next_pause_s = 0.0, pace.first_token_s
    batch: list[bytes] = []
    for event in events:
        if event.token:
            if next_pause_s:
                yield pause_s, b"".join(batch)
                pause_s, batch = next_pause_s, []
            next_pause_s = pace.token_s
        batch.append(event.encode())
    yield pause_s, b"".join(batch)


async def _play_stream(http: web.Request, performance: Performance) -> web.StreamResponse:
    response = web.StreamResponse(headers=STREAM_HEADERS)
    await response.prepare(http)
    for pause_s, data in writes(_events(performance), performance.pace):
        if pause_s:
            await asyncio.sleep(pause_s)
        await response.write(data)
    if performance.fault:
        await end_connection(http, performance.fault)
    return response


def _events(performance: Performance) -> list[Event]:
    api, request, reply = performance.api, performance.request, performance.reply
    events = api.stream(reply, request)[performance.after + 1 :]
    if performance.fault is None:
        return events
    before = performance.after + 1
    return broken(events, performance.fault, lambda sent: api.failure(reply, request, before + sent))


async def _play_whole(http: web.Request, performance: Performance) -> web.StreamResponse:
    """Send one JSON body after the time to the first token.

    A fault breaks the body, as there are no tokens to count.
    """
    await asyncio.sleep(performance.pace.first_token_s)
    data = _body(performance)
    response = web.StreamResponse(headers={"content-type": "application/json"})
    response.content_length = len(data)
    fault = performance.fault
    if fault and fault.name in ("drop", "stall"):
        await end_connection(http, fault)
    await response.prepare(http)
    if fault and fault.name == "close":
        await response.write(data[: len(data) // 2])
        await end_connection(http, fault)
    else:
        await response.write(data)
    return response


def _body(performance: Performance) -> bytes:
    api, request, reply = performance.api, performance.request, performance.reply
    match performance.fault.name if performance.fault else None:
        case "bad_json":
            return GARBAGE
        case "error_event":
            return msgspec.json.encode(api.failure_body(reply, request))
        case "truncate":
            whole = msgspec.json.encode(api.whole(reply, request))
            return whole[: len(whole) // 2]
        case _:
            return msgspec.json.encode(api.whole(reply, request))
