"""Faults: when a fault is due, where it breaks an answer, and how it ends the connection."""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Callable, Hashable, Sequence

from aiohttp import web

from agents.rehearsal.script import ScriptedFault
from agents.rehearsal.wire import ServerSentEvent

GARBAGE = b'{"id": "broken", "choices": [{"ind'
PROSE = b"an event that is not JSON"
HTML = "<!doctype html>\n<html><head><title>Gateway</title></head><body><h1>Please sign in</h1></body></html>\n"

RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 seconds: close() sends RST

# A client's HTTP library throws away what it has buffered when the connection is lost. So what comes before the cut
# gets this long to be read: a fault after 3 tokens shall be one after 3 tokens for the reader, too.
BEFORE_CUT_S = 0.05


class Failures:
    """A counter of failures for faults with `times`, by model, step and API key."""

    def __init__(self) -> None:
        self._counts: Counter[Hashable] = Counter()

    def due(self, fault: ScriptedFault | None, key: Hashable) -> ScriptedFault | None:
        """Return the fault if it is due. After `times` failures, one request succeeds and the count starts again."""
        if fault is None or fault.times is None:
            return fault
        if self._counts[key] >= fault.times:
            del self._counts[key]
            return None
        self._counts[key] += 1
        return fault


def broken(
    events: Sequence[ServerSentEvent], fault: ScriptedFault, failure: Callable[[int], list[ServerSentEvent]]
) -> list[ServerSentEvent]:
    """Return the events of a stream as the fault leaves them.

    failure: makes the API's error events after a number of events.
    """
    position = break_point(events, fault.after_tokens or 0)
    match fault.name:
        case "bad_event":
            return [*events[:position], _unreadable(events[position], GARBAGE), *events[position + 1 :]]
        case "bad_json":
            bad = [_unreadable(events[position - 1], raw) for raw in (GARBAGE, PROSE)]
            return [*events[:position], *bad, *events[position:]]
        case "error_event":
            return [*events[:position], *failure(position)]
        case "length":
            return [*events]  # the reply itself was cut
        case _:
            return [*events[:position]]


def _unreadable(event: ServerSentEvent, raw: bytes) -> ServerSentEvent:
    return ServerSentEvent({}, name=event.name, raw=raw)


def break_point(events: Sequence[ServerSentEvent], after_tokens: int) -> int:
    """Return the number of events before the break: those up to the token, and at most those up to the last token."""
    tokens = [position for position, event in enumerate(events) if event.token]
    if not tokens:
        return 1
    return tokens[min(after_tokens, len(tokens)) - 1] + 1 if after_tokens else tokens[0]


async def end_connection(http: web.Request, fault: ScriptedFault) -> None:
    """End the connection as the fault demands. A stall lasts until the client leaves or the server stops."""
    match fault.name:
        case "stall":
            await asyncio.Event().wait()
        case "drop":
            await cut_connection(http, reset=True)
        case "close":
            await cut_connection(http, reset=False)
        case _:
            pass


async def cut_connection(http: web.Request, *, reset: bool) -> None:
    """End the connection, by a reset or by an early close, once the client could read the bytes before."""
    await asyncio.sleep(BEFORE_CUT_S)
    if (transport := http.transport) is None:
        return
    if reset:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        transport.abort()
    else:
        transport.close()
