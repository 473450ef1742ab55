"""The streams of an agent that ended last: for those who come a little too late to follow one while it runs.

They are kept whole, event by event, since who comes back may have had any number of them: so few, and not for long.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from agents.core.events import (
    Event,
    StreamComplete,
    StreamError,
    StreamFunctionArgumentsDelta,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamReasoning,
    StreamToken,
    StreamToolResult,
)
from agents.streams.stream import Stream

KEPT_STREAMS: Final = 4
KEPT_BYTES: Final = 4 * 2**20
KEPT_S: Final = 60.0
EVENT_BYTES: Final = 141  # a StreamToken in a log, its seq and its empty text, on CPython 3.11


class RecentStream(Struct, frozen=True):
    """ended_s: on the loop's clock."""

    stream: Stream
    size_bytes: int
    ended_s: float


Recent = tuple[RecentStream, ...]
"""The last one to end is the last."""


def with_ended(recent: Recent, stream: Stream, now_s: float) -> Recent:
    """The last KEPT_STREAMS. Of those before the newest, which always stays, as many as KEPT_BYTES have room for."""
    newest = RecentStream(stream, _size_bytes(stream.events), now_s)
    kept, total_bytes = [newest], newest.size_bytes
    for earlier in reversed(recent[1 - KEPT_STREAMS :]):
        total_bytes += earlier.size_bytes
        if total_bytes > KEPT_BYTES:
            break
        kept.append(earlier)
    return tuple(reversed(kept))


def without_old(recent: Recent, now_s: float) -> Recent:
    """Those that ended less than KEPT_S ago."""
    return tuple(each for each in recent if now_s - each.ended_s < KEPT_S)


def _size_bytes(events: Sequence[Event]) -> int:
    """About what they hold in memory: text counts as one byte a character."""
    tokens = sum([len(event.token) for event in events if type(event) is StreamToken])
    others = [event for event in events if type(event) is not StreamToken]
    return EVENT_BYTES * len(events) + tokens + sum(map(_text_bytes, others))


def _text_bytes(event: Event) -> int:
    match event:
        case StreamReasoning(text) | StreamFunctionArgumentsDelta(_, text):
            return len(text)
        case StreamFunctionCallStarted(call) | StreamFunctionCallComplete(call):
            return len(call.arguments)
        case StreamToolResult(call, result):
            return len(call.arguments) + len(result.content)
        case StreamComplete(response):
            return len(response.content) + len(response.answer)
        case StreamError(_, content):
            return len(content)
        case _:
            return 0
