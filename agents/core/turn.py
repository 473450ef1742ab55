"""A turn: one user message until the final answer, as a value and a step.

`step(turn, happened, now_s)` answers with the next turn and the effects: events to publish, a model call to start,
tools to run. The shell (streaming_function_handler) carries them out and feeds what happens back in.

    STREAMING --Finished, no calls--> ENDED                      stream_complete
    STREAMING --Finished, calls--> EXECUTING --all results--> STREAMING
    STREAMING, EXECUTING --Failed--> ENDED                       stream_error
"""

from enum import Enum
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from agents.core.accumulator import Accumulator, fold, init_accumulator
from agents.core.conversation import AssistantMessage, Conversation, ToolCall, ToolMessage
from agents.core.deltas import Delta, Failed, Finished, TextDelta, Usage
from agents.core.errors import Fault, LimitReached, ToolError
from agents.core.events import (
    Event,
    Response,
    StreamComplete,
    StreamError,
    StreamFunctionExecutionStart,
    StreamMetrics,
    StreamStart,
    StreamToolResult,
    ToolResult,
)


class Phase(Enum):
    STREAMING = "streaming"
    EXECUTING = "executing"
    ENDED = "ended"


class Limits(Struct, frozen=True):
    """Of one turn. parallel_tools: calls that run at once; the rest wait. model_calls: rounds with the model."""

    parallel_tools: int = 10
    model_calls: int = 25


class ToolFinished(Struct, frozen=True):
    """The call with this index, of the model call that is running, has its result."""

    index: int
    result: ToolResult


class StartCompletion(Struct, frozen=True):
    """Effect: ask the model, with this conversation."""

    conversation: Conversation


class RunTool(Struct, frozen=True):
    """Effect: run this call; its outcome comes back as ToolFinished."""

    call: ToolCall


class Past(Struct, frozen=True):
    """What of a turn does not change with a token. Times in monotonic seconds, as given to `step`.

    said: the text of the model calls that are over.
    """

    agent_id: str
    conversation: Conversation
    limits: Limits
    started_s: float
    first_token_s: float | None = None
    executing_since_s: float = 0.0
    tool_time_s: float = 0.0
    model_calls: int = 1
    said: str = ""
    tokens: int = 0
    bytes: int = 0
    calls: tuple[ToolCall, ...] = ()
    results: tuple[ToolFinished, ...] = ()
    waiting: tuple[ToolCall, ...] = ()
    usage: Usage = Usage(0, 0, 0, 0, 0)
    errors: tuple[str, ...] = ()


class Turn(Struct, frozen=True, gc=False):
    """phase, what the present model call has said, and the rest. outcome: when ENDED, the terminal event."""

    phase: Phase
    acc: Accumulator
    past: Past
    outcome: StreamComplete | StreamError | None = None

    @property
    def conversation(self) -> Conversation:
        return self.past.conversation

    @property
    def content(self) -> str:
        """All text of the turn so far: the joined tokens."""
        return self.past.said + self.acc.content


Happened: TypeAlias = Delta | ToolFinished
Effect: TypeAlias = Event | StartCompletion | RunTool
Step: TypeAlias = tuple[Turn, tuple[Effect, ...]]

STREAMING: Final = Phase.STREAMING


def begin(stream_id: str, agent_id: str, conversation: Conversation, limits: Limits, now_s: float) -> Step:
    """The turn that answers the conversation's last message."""
    acc = init_accumulator(stream_id, seq=1)
    start = StreamStart(agent_id, stream_id=stream_id, seq=1)
    return Turn(STREAMING, acc, Past(agent_id, conversation, limits, now_s)), (start, StartCompletion(conversation))


def step(turn: Turn, happened: Happened, now_s: float) -> Step:
    """The next turn and what is to be done. An ended turn takes nothing more.

    now_s: monotonic seconds, as in begin.
    """
    if turn.phase is STREAMING:
        acc, events = fold(turn.acc, happened)  # type: ignore[arg-type]  # a ToolFinished can't come in this phase
        if type(happened) is TextDelta:
            past = turn.past
            if past.first_token_s is None:
                past = replace(past, first_token_s=now_s)
            return Turn(STREAMING, acc, past), events
        turn = Turn(STREAMING, acc, turn.past)
        if isinstance(happened, Finished):
            return _finished(turn, happened, now_s)
        if isinstance(happened, Failed):
            return fail(turn, happened.fault, now_s)
        return turn, events
    if turn.phase is Phase.EXECUTING and isinstance(happened, ToolFinished):
        return _tool_finished(turn, happened, now_s)
    return turn, ()


def fail(turn: Turn, fault: Fault, now_s: float) -> Step:
    """End the turn with stream_error, wherever it is. What the model had said stays in the conversation, marked."""
    if turn.phase is Phase.ENDED:
        return turn, ()
    turn = _model_call_counted(turn) if turn.phase is STREAMING else turn
    content = turn.acc.content
    past = turn.past
    conversation = past.conversation
    if turn.phase is Phase.EXECUTING:
        conversation = _with_results(turn)
    elif content:
        conversation = (*conversation, AssistantMessage(content, reasoning=turn.acc.reasoning, partial=True))
    past = replace(past, conversation=conversation, errors=(*past.errors, str(fault)))
    event = StreamError(
        fault, turn.content, stream_id=turn.acc.stream_id, seq=turn.acc.seq + 1, attempt=turn.acc.attempt
    )
    return _ended(replace(turn, past=past), event)


def _ended(turn: Turn, event: StreamComplete | StreamError) -> Step:
    acc = replace(turn.acc, seq=event.seq)
    return Turn(Phase.ENDED, acc, turn.past, event), (event,)


def _finished(turn: Turn, end: Finished, now_s: float) -> Step:
    """The model has ended its answer: run its calls, or complete."""
    turn = _model_call_counted(turn)
    turn = replace(turn, past=replace(turn.past, usage=added(turn.past.usage, end.usage or Usage())))
    calls = turn.acc.tool_calls
    if not calls:
        return _complete(turn, end, now_s)
    if not end.complete:
        cut = end.raw_reason or "cut"
        return fail(turn, ToolError(calls[-1].id, f"the response ended early ({cut}), so no call of it was run"), now_s)
    return _execute(turn, calls, now_s)


def _model_call_counted(turn: Turn) -> Turn:
    """Add the tokens of the model call that has ended."""
    past, acc = turn.past, turn.acc
    count = past.bytes + len(acc.content.encode(errors="surrogatepass"))
    return replace(turn, past=replace(past, tokens=past.tokens + acc.tokens, bytes=count))


def _complete(turn: Turn, end: Finished, now_s: float) -> Step:
    acc, past = turn.acc, turn.past
    answer = AssistantMessage(acc.content, reasoning=acc.reasoning, partial=not end.complete, items=end.items)
    turn = replace(turn, past=replace(past, conversation=(*past.conversation, answer)))
    response = Response(
        turn.content, acc.content, past.calls, end.reason, acc.refusal, past.usage, end.model, metrics(turn.past, now_s)
    )
    event = StreamComplete(response, stream_id=acc.stream_id, seq=acc.seq + 1, attempt=acc.attempt)
    return _ended(turn, event)


def _execute(turn: Turn, calls: tuple[ToolCall, ...], now_s: float) -> Step:
    acc, past = turn.acc, turn.past
    acc = replace(acc, seq=acc.seq + 1)
    start = StreamFunctionExecutionStart(stream_id=acc.stream_id, seq=acc.seq, attempt=acc.attempt)
    first = past.limits.parallel_tools
    past = replace(past, calls=past.calls + calls, results=(), waiting=calls[first:], executing_since_s=now_s)
    return Turn(Phase.EXECUTING, acc, past), (start, *(RunTool(call) for call in calls[:first]))


def _tool_finished(turn: Turn, finished: ToolFinished, now_s: float) -> Step:
    """One result: publish it, start a call that waited, and ask the model again after the last."""
    acc, past = turn.acc, turn.past
    call = next((c for c in acc.tool_calls if c.index == finished.index), None)
    if call is None or any(r.index == finished.index for r in past.results):
        return turn, ()
    acc = replace(acc, seq=acc.seq + 1)
    event = StreamToolResult(call, finished.result, stream_id=acc.stream_id, seq=acc.seq, attempt=acc.attempt)
    errors = (f"{call.name}: {finished.result.error}",) if finished.result.error else ()
    next_calls = past.waiting[:1]
    past = replace(past, results=(*past.results, finished), waiting=past.waiting[1:], errors=past.errors + errors)
    turn = Turn(Phase.EXECUTING, acc, past)
    if len(past.results) < len(acc.calls):
        return turn, (event, *(RunTool(c) for c in next_calls))
    turn, effects = _ask_again(turn, now_s)
    return turn, (event, *effects)


def _ask_again(turn: Turn, now_s: float) -> Step:
    acc, past = turn.acc, turn.past
    if past.model_calls >= past.limits.model_calls:
        return fail(turn, LimitReached("max_model_calls", past.limits.model_calls), now_s)
    past = replace(
        past,
        conversation=_with_results(turn),
        said=turn.content,
        model_calls=past.model_calls + 1,
        tool_time_s=past.tool_time_s + now_s - past.executing_since_s,
    )
    following = init_accumulator(acc.stream_id, attempt=acc.attempt, seq=acc.seq)
    return Turn(STREAMING, following, past), (StartCompletion(past.conversation),)


def _with_results(turn: Turn) -> Conversation:
    """The conversation with the model's calls and the results that there are, in the model's order."""
    acc = turn.acc
    by_index = {finished.index: finished.result for finished in turn.past.results}
    calls = acc.tool_calls
    items = acc.end.items if isinstance(acc.end, Finished) else ()
    said = AssistantMessage(acc.content, calls, acc.reasoning, items=items)
    results = (ToolMessage(c.id, c.name, by_index[c.index].content) for c in calls if c.index in by_index)
    return (*turn.past.conversation, said, *results)


def added(total: Usage, more: Usage) -> Usage:
    """Usage over several model calls. A field that one of them did not report is unknown, not less."""
    pairs = ((getattr(total, field), getattr(more, field)) for field in Usage.__struct_fields__)
    return Usage(*(None if a is None or b is None else a + b for a, b in pairs))


def metrics(past: Past, now_s: float) -> StreamMetrics:
    """Source: API reference, analyze_metrics."""
    total_s = max(now_s - past.started_s, 1e-9)
    first = past.first_token_s
    return StreamMetrics(
        total_time_ms=total_s * 1000,
        time_to_first_token_ms=None if first is None else (first - past.started_s) * 1000,
        token_count=past.tokens,
        byte_count=past.bytes,
        tokens_per_second=past.tokens / total_s,
        bytes_per_second=past.bytes / total_s,
        function_calls=len(past.calls),
        tool_time_ms=past.tool_time_s * 1000,
        errors=past.errors,
    )
