"""The events of a stream, as its subscribers get them. Source: API reference, "Client-Facing Events".

The nine documented tuples are frozen structs: the tag is the documented atom, the fields the documented ones. Each
carries `stream_id`, `seq` (from 1, without gaps) and `attempt` (from 1). `msgspec.json.encode(event)` is the wire form.
"""

from typing import Any, TypeAlias

from msgspec import Struct

from agents.core.conversation import ToolCall
from agents.core.deltas import FinishReason, Usage
from agents.core.errors import Fault


class StreamEvent(Struct, frozen=True, kw_only=True, tag_field="type"):
    """What all events share. stream_id: of the turn. seq: 1, 2, 3 ... attempt: rises when a stream starts again."""

    stream_id: str = ""
    seq: int = 0
    attempt: int = 1


class StreamStart(StreamEvent, frozen=True, tag="stream_start"):
    agent_id: str


class StreamToken(StreamEvent, frozen=True, gc=False, tag="stream_token"):
    """A piece of the answer's text, never empty."""

    token: str


class StreamReasoning(StreamEvent, frozen=True, gc=False, tag="stream_reasoning"):
    """A piece of the model's visible reasoning: not part of the answer."""

    text: str


class StreamFunctionCallStarted(StreamEvent, frozen=True, tag="stream_function_call_started"):
    """The call's id and name are known; its arguments are still empty."""

    function_call: ToolCall


class StreamFunctionArgumentsDelta(StreamEvent, frozen=True, gc=False, tag="stream_function_arguments_delta"):
    """index: of the call in this model call. delta: a piece of its JSON arguments."""

    index: int
    delta: str


class StreamFunctionCallComplete(StreamEvent, frozen=True, tag="stream_function_call_complete"):
    """The call with its whole arguments. It runs only after this event."""

    function_call: ToolCall


class StreamFunctionExecutionStart(StreamEvent, frozen=True, tag="stream_function_execution_start"):
    """The calls of this model call are about to run, in parallel."""


class ToolResult(Struct, frozen=True):
    """Outcome of one call.

    content: what the model reads, on success and on failure. value: what the tool returned, as JSON data.
    error: None, or the kind of failure: "unknown_tool", "invalid_arguments", "denied", "raised", "timeout", "crashed",
    "cpu_time". After the last four, content and value are the tool's fallback if it has one.
    attempts: how often the worker was started.
    """

    content: str
    value: Any = None
    error: str | None = None
    elapsed_s: float = 0.0
    attempts: int = 1


class StreamToolResult(StreamEvent, frozen=True, tag="stream_tool_result"):
    tool_call: ToolCall
    result: ToolResult


class StreamMetrics(Struct, frozen=True):
    """A turn in figures. Source: API reference, stream_metrics and analyze_metrics.

    tool_time_ms: from the first call's start to the last one's end, summed over the model calls.
    """

    total_time_ms: float
    time_to_first_token_ms: float | None
    token_count: int
    byte_count: int
    tokens_per_second: float
    bytes_per_second: float
    function_calls: int
    tool_time_ms: float
    errors: tuple[str, ...] = ()


class Response(Struct, frozen=True):
    """The finished turn.

    content: all its text, equal to the joined tokens. answer: the text of its last model call, without what the model
    said before it called tools. tool_calls: all calls of the turn, in order.
    """

    content: str
    answer: str
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason | None = None
    refusal: str | None = None
    usage: Usage = Usage()
    model: str | None = None
    metrics: StreamMetrics | None = None


class StreamComplete(StreamEvent, frozen=True, tag="stream_complete"):
    """Terminal: the answer is whole."""

    response: Response


class StreamError(StreamEvent, frozen=True, tag="stream_error"):
    """Terminal: the turn failed. content: the text that had arrived, equal to the joined tokens."""

    reason: Fault
    content: str = ""


Event: TypeAlias = (
    StreamStart
    | StreamToken
    | StreamReasoning
    | StreamFunctionCallStarted
    | StreamFunctionArgumentsDelta
    | StreamFunctionCallComplete
    | StreamFunctionExecutionStart
    | StreamToolResult
    | StreamComplete
    | StreamError
)
