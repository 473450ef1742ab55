"""Recorded turns: the events of a stream, as a subscriber gets them."""

from agents.core.conversation import Function, ToolCall
from agents.core.deltas import Usage
from agents.core.events import (
    Event,
    StreamComplete,
    StreamFunctionArgumentsDelta,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamFunctionExecutionStart,
    StreamStart,
    StreamToken,
    StreamToolResult,
    StreamToolStart,
    ToolResult,
)
from agents.core.response import Response
from agents.core.stream_metrics import StreamMetrics

METRICS = StreamMetrics(2500.0, 310.0, 40, 200, 16.0, 80.0, 2, 1200.0)


def tokens(text: str) -> list[Event]:
    """Return one token per word."""
    return [StreamToken(word) for word in text.replace(" ", " \0").split("\0")]


def asked(name: str, arguments: str, index: int = 0) -> list[Event]:
    """Return the events of a call from its start to its complete arguments, which arrive in two pieces."""
    call = called(name, arguments, index)
    half = len(arguments) // 2
    pieces = (StreamFunctionArgumentsDelta(index, piece) for piece in (arguments[:half], arguments[half:]))
    return [StreamFunctionCallStarted(called(name, "", index)), *pieces, StreamFunctionCallComplete(call)]


def called(name: str, arguments: str, index: int = 0) -> ToolCall:
    return ToolCall(f"call_{index}", Function(name, arguments), index)


def begun(name: str, arguments: str, index: int = 0) -> StreamToolStart:
    return StreamToolStart(called(name, arguments, index))


def answered(
    name: str, content: str, index: int = 0, *, error: str | None = None, attempts: int = 1
) -> StreamToolResult:
    return StreamToolResult(called(name, "", index), ToolResult(content, None, error, 0.25, attempts))


def complete(content: str) -> StreamComplete:
    return StreamComplete(Response(content, content, usage=Usage(12, 34, 46), metrics=METRICS))


RUNNING = StreamFunctionExecutionStart()

TURN: list[Event] = [
    StreamStart("agent"),
    *tokens("I will look."),
    *asked("lookup", '{"key": "a"}', 0),
    *asked("divide", '{"by": 0}', 1),
    RUNNING,
    begun("lookup", '{"key": "a"}', 0),
    begun("divide", '{"by": 0}', 1),
    answered("divide", "error: division by zero", 1, error="raised"),
    answered("lookup", "found it", 0, attempts=2),
    *tokens("It is\nfound."),
    complete("I will look.It is\nfound."),
]
