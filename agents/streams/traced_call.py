"""A model call of a turn, with its span and its figures."""

from asyncio import CancelledError
from collections.abc import Coroutine
from typing import Any, Final

from msgspec.structs import replace

from actors.clock import now_s
from agents.core.conversation import AssistantMessage, Conversation
from agents.core.deltas import Usage
from agents.core.turn import Phase, Turn
from agents.llm.call import ModelCallEnd, end_of
from agents.llm.reader import StreamReader
from agents.streams.stream import Stream
from agents.traces.calls import ModelCalled, TracedRequest

STOPPED: Final = "cancelled"
CRASHED: Final = "crashed"


async def traced(call: Coroutine[Any, Any, None], request: TracedRequest, stream: Stream, reader: StreamReader) -> None:
    """Run a model call within its span, and add its figures to those of the turn, also if it is cancelled.

    reader: of its answer. If the call is cancelled after the answer's end, while the rest of its connection is read,
    it counts as answered.
    """
    began_s = now_s()
    error: str | None = CRASHED
    span = stream.trace.span.model_call(request)
    try:
        with span.entered():
            await call
        error = None
    except CancelledError:
        error = None if reader.ended else STOPPED
        raise
    finally:
        called = _ended(request, began_s, end_of(reader)) if error is None else _cut(request, began_s, error)
        stream.trace.model_calls.append(called)
        span.end(called, _answer(stream.turn) if span.has_content and called.error is None else ())


def _cut(request: TracedRequest, began_s: float, error: str) -> ModelCalled:
    return ModelCalled(request.server, request.model, error, now_s() - began_s)


def _ended(request: TracedRequest, began_s: float, end: ModelCallEnd) -> ModelCalled:
    fault, finished = end.fault, end.finished
    error = None if fault is None else str(fault.__struct_config__.tag)
    first_s = None if end.first_s is None else max(end.first_s - began_s, 0.0)
    called = ModelCalled(request.server, request.model, error, now_s() - began_s, first_s, fault=fault)
    if finished is None:
        return called
    return replace(
        called,
        usage=finished.usage or Usage(),
        finish_reason=finished.raw_reason or finished.reason,
        response_id=finished.response_id,
        response_model=finished.model,
    )


def _answer(turn: Turn | None) -> Conversation:
    """Return the answer of the model call that has ended, once a step has taken it. A hook may hold it back."""
    if turn is None or turn.phase is Phase.STREAMING:
        return ()
    if turn.phase is Phase.EXECUTING:
        return (AssistantMessage(turn.acc.content, turn.acc.tool_calls, turn.acc.reasoning),)
    last = next((each for each in reversed(turn.conversation) if isinstance(each, AssistantMessage)), None)
    return () if last is None else (last,)
