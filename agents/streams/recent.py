"""An agent's last ended streams, kept for subscribers that follow a stream shortly after its end.

A subscriber may follow from any seq, so each stream is kept with all its events. Their number and age are limited.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from agents.core.backlog import pieces_in
from agents.core.events import (
    Event,
    StreamComplete,
    StreamError,
    StreamFunctionArgumentsDelta,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamReasoning,
    StreamSubAgent,
    StreamToken,
    StreamToolResult,
)
from agents.streams.stream import Stream

KEPT_STREAMS: Final = 4
KEPT_BYTES: Final = 4 * 2**20
KEPT_S: Final = 60.0
EVENT_BYTES: Final = 141  # a StreamToken in a log, its seq and its empty text, on CPython 3.11
PIECE_BYTES: Final = 9  # the length and the time of a piece in a packed text


class RecentStream(Struct, frozen=True):
    """An ended stream. ended_s: the time of its end, by actors.clock.now_s."""

    stream: Stream
    size_bytes: int
    ended_s: float


Recent = tuple[RecentStream, ...]
"""Ended streams, in the order in which they ended."""


def with_ended(recent: Recent, stream: Stream, now_s: float) -> Recent:
    """Return the last KEPT_STREAMS within KEPT_BYTES. The newest stream is kept even if it is larger."""
    newest = RecentStream(stream, _size_bytes(stream.joined_events), now_s)
    kept, total_bytes = [newest], newest.size_bytes
    for earlier in reversed(recent[1 - KEPT_STREAMS :]):
        total_bytes += earlier.size_bytes
        if total_bytes > KEPT_BYTES:
            break
        kept.append(earlier)
    return tuple(reversed(kept))


def without_old(recent: Recent, now_s: float) -> Recent:
    """Return the streams that ended less than KEPT_S ago."""
    return tuple(each for each in recent if now_s - each.ended_s < KEPT_S)


def _size_bytes(events: Sequence[Event]) -> int:
    """Return the approximate memory of the events, with packed texts. A character of text counts as one byte."""
    tokens = sum([len(event.token) for event in events if type(event) is StreamToken])
    others = [event for event in events if type(event) is not StreamToken]
    packed = sum(map(pieces_in, events)) - len(events)
    return EVENT_BYTES * len(events) + PIECE_BYTES * packed + tokens + sum(map(_text_bytes, others))


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
        case StreamSubAgent(_, StreamToken(token)):
            return EVENT_BYTES + len(token)
        case StreamSubAgent(_, below):
            return EVENT_BYTES + _text_bytes(below)
        case _:
            return 0
