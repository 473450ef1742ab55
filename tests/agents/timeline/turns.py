"""Streams for timelines: events with their Unix seconds, by hand and by chance."""

from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from agents.core.conversation import Function, ToolCall
from agents.core.errors import Cancelled, NetworkError, ParseError
from agents.core.events import (
    Event,
    StreamApprovalDecided,
    StreamApprovalRequired,
    StreamCompacted,
    StreamComplete,
    StreamError,
    StreamFunctionArgumentsDelta,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamFunctionExecutionStart,
    StreamHandoff,
    StreamReasoning,
    StreamReset,
    StreamStart,
    StreamSubAgent,
    StreamToken,
    StreamToolProgress,
    StreamToolResult,
    StreamToolStart,
    StreamUsage,
    StreamWarning,
    ToolResult,
)
from agents.core.response import Response

BEGAN_AT = 1_700_000_000.0


def call(index: int = 0, name: str = "search", id_: str = "") -> ToolCall:
    return ToolCall(id_ or f"call_{index}", Function(name, "{}"), index)


def result(index: int = 0, error: str | None = None, elapsed_s: float = 0.5, attempts: int = 1) -> StreamToolResult:
    return StreamToolResult(call(index), ToolResult("x", error=error, elapsed_s=elapsed_s, attempts=attempts))


def timed(*happened: tuple[float, Event]) -> list[Event]:
    """Return the events with their seqs and their times. The first number of a pair: seconds since the begin."""
    return [
        replace(event, stream_id="s", seq=seq, at=BEGAN_AT + at_s)
        for seq, (at_s, event) in enumerate(happened, start=1)
    ]


def calls(names: Iterable[str], begin_s: float = 0.0) -> list[tuple[float, Event]]:
    """Return a turn in which the model calls each tool once, and then answers."""
    names = list(names)
    events: list[tuple[float, Event]] = [(begin_s, StreamStart("a"))]
    called = [call(index, name) for index, name in enumerate(names)]
    events += ((begin_s + 0.5, StreamFunctionCallStarted(each)) for each in called)
    events += ((begin_s + 0.6, StreamFunctionArgumentsDelta(each.index, "{}")) for each in called)
    events += ((begin_s + 0.7, StreamFunctionCallComplete(each)) for each in called)
    events.append((begin_s + 1.0, StreamFunctionExecutionStart()))
    for each in called:
        events.append((begin_s + 2.0 + each.index, StreamToolResult(each, ToolResult("x", elapsed_s=0.5))))
    end_s = begin_s + 2.0 + len(names)
    return [*events, (end_s + 1, StreamToken("It ")), (end_s + 2, StreamComplete(Response("It ", "It ")))]


names = st.text(max_size=12)
indexes = st.integers(0, 3)
tool_calls = st.builds(lambda index, name: call(index, name), indexes, names)
errors = st.sampled_from([None, "denied", "raised", "timeout", "unknown_tool", "crashed"])
results = st.builds(ToolResult, st.just("x"), error=errors, elapsed_s=st.floats(-1, 9), attempts=st.integers(1, 3))
own: st.SearchStrategy[Any] = st.one_of(
    st.builds(StreamStart, st.just("a")),
    st.builds(StreamToken, st.just("t"), joined=st.integers(1, 9)),
    st.builds(StreamReasoning, st.just("t")),
    st.builds(StreamFunctionCallStarted, tool_calls),
    st.builds(StreamFunctionArgumentsDelta, indexes, st.just("{")),
    st.builds(StreamFunctionCallComplete, tool_calls),
    st.just(StreamFunctionExecutionStart()),
    st.builds(StreamToolStart, tool_calls, st.integers(1, 3)),
    st.builds(StreamApprovalRequired, tool_calls, st.just(5.0)),
    st.builds(StreamApprovalDecided, tool_calls, st.just("approved"), st.sampled_from((None, "ann"))),
    st.builds(StreamToolProgress, tool_calls, st.just(1)),
    st.builds(StreamToolResult, tool_calls, results),
    st.builds(StreamReset, st.builds(NetworkError, st.just("econnreset"), names)),
    st.just(StreamCompacted(90, 40, 3, 1, "s")),
    st.builds(StreamWarning, st.builds(ParseError, names)),
    st.just(StreamUsage(Response("", "").usage)),
    st.builds(StreamHandoff, names),
)
last = st.sampled_from([StreamComplete(Response("", "")), StreamError(Cancelled()), StreamError(ParseError("x"))])
paths = st.sampled_from([("call_0",), ("call_1",), ("call_1", "call_0")])
not_last = own | st.builds(StreamSubAgent, paths, own | last)


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """Any events in any order, with or without an end. Clocks may stand still, go back, or be unknown."""
    events = draw(st.lists(not_last, max_size=60))
    if draw(st.booleans()):
        events.append(draw(last))
    at, found = BEGAN_AT, list[Event]()
    for seq, event in enumerate(events, start=1):
        at += draw(st.sampled_from([0.0, 0.0, 0.001, 0.4, 3.0, -2.0]))
        known = draw(st.sampled_from([True, True, True, False]))
        found.append(replace(event, stream_id="s", seq=seq, at=at if known else None))
    return found
