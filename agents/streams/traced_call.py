"""A model call of a turn, with its span and its figures."""

from asyncio import CancelledError
from collections.abc import Coroutine
from typing import Any, Final

from msgspec.structs import replace

from actors.clock import now_s
from agents.core.conversation import AssistantMessage, Conversation
from agents.core.deltas import Usage
from agents.core.turn import Phase, Turn
from agents.llm.call import ModelCallEnd
from agents.streams.stream import Stream
from agents.traces.calls import ModelCalled, TracedRequest

STOPPED: Final = "cancelled"
CRASHED: Final = "crashed"


async def traced(call: Coroutine[Any, Any, ModelCallEnd], request: TracedRequest, stream: Stream) -> None:
    """Run a model call within its span, and add its figures to those of the turn, also if it is cancelled."""
    began_s, end, error = now_s(), None, CRASHED
    span = stream.trace.span.model_call(request)
    try:
        with span.entered():
            end = await call
    except CancelledError:
        error = STOPPED
        raise
    finally:
        called = _cut(request, began_s, error) if end is None else _ended(request, began_s, end)
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
    """Return the model's last answer, after the step that took its end."""
    if turn is None:
        return ()
    if turn.phase is Phase.EXECUTING:
        return (AssistantMessage(turn.acc.content, turn.acc.tool_calls, turn.acc.reasoning),)
    last = next((each for each in reversed(turn.conversation) if isinstance(each, AssistantMessage)), None)
    return () if last is None else (last,)
