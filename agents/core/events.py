"""The events of a stream, as its subscribers get them. Source: API reference, "Client-Facing Events".

The nine documented tuples are frozen structs: the tag is the documented atom, the fields the documented ones. Each
carries `stream_id`, `seq` (from 1, without gaps) and `attempt` (from 1). `msgspec.json.encode(event)` is the wire form.

A subscriber that fell behind gets the pieces of a text that it missed as one event. `joined` says how many: the event
has the seq of the last one, so `seq - joined` is the seq of the event before it.
"""

from typing import Any, Final, TypeAlias

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
    joined: int = 1


class StreamReasoning(StreamEvent, frozen=True, gc=False, tag="stream_reasoning"):
    """A piece of the model's visible reasoning: not part of the answer."""

    text: str
    joined: int = 1


class StreamFunctionCallStarted(StreamEvent, frozen=True, tag="stream_function_call_started"):
    """The call's id and name are known; its arguments are still empty."""

    function_call: ToolCall


class StreamFunctionArgumentsDelta(StreamEvent, frozen=True, gc=False, tag="stream_function_arguments_delta"):
    """index: of the call in this model call. delta: a piece of its JSON arguments."""

    index: int
    delta: str
    joined: int = 1


class StreamFunctionCallComplete(StreamEvent, frozen=True, tag="stream_function_call_complete"):
    """The call with its whole arguments. It runs only after this event."""

    function_call: ToolCall


class StreamFunctionExecutionStart(StreamEvent, frozen=True, tag="stream_function_execution_start"):
    """The calls of this model call are about to run, in parallel."""


class ToolResult(Struct, frozen=True):
    """Outcome of one call.

    content: what the model reads, on success and on failure. value: what the tool returned, as JSON data.
    error: None, or the kind of failure: "unknown_tool", "invalid_arguments", "denied", "unknown" (the program was
    restarted meanwhile), "raised", "timeout", "crashed", "cpu_time". After the last four, content and value are the
    tool's fallback if it has one.
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


class StreamToolProgress(StreamEvent, frozen=True, tag="stream_tool_progress"):
    """A call that runs tells how far it is. data: what its tool said, as JSON data; the model does not see it."""

    tool_call: ToolCall
    data: Any


class StreamApprovalRequired(StreamEvent, frozen=True, tag="stream_approval_required"):
    """The call runs only after agent.approve with its id; without an answer within timeout_s it is denied."""

    tool_call: ToolCall
    timeout_s: float


class StreamReset(StreamEvent, frozen=True, tag="stream_reset"):
    """A model call is made anew, as attempt `attempt`: what it had said, and its calls, are void.

    reason: why. content: the text of the turn that stands, of the model calls before; it is followed by new tokens.
    """

    reason: Fault
    content: str = ""


class StreamUsage(StreamEvent, frozen=True, tag="stream_usage"):
    """What the turn has taken so far, said before its calls run, if the provider tells; None: unknown.

    What the whole turn took stands in the Response.
    """

    usage: Usage
    cost: float | None = None


class StreamMetrics(Struct, frozen=True):
    """A turn in figures. Source: API reference, stream_metrics and analyze_metrics.

    tool_time_ms: from the first call's start to the last one's end, summed over the model calls. start_time,
    first_token_time, end_time: Unix milliseconds; first_token_time is None for an answer without text.
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
    start_time: int = 0
    first_token_time: int | None = None
    end_time: int = 0


class Response(Struct, frozen=True):
    """The finished turn, or the part of a failed turn that had arrived.

    content: all its text: the joined tokens, less what a stream_reset took back. answer: the text of its last model
    call, without what the model said before it called tools. tool_calls: all calls of the turn, in order. value: the
    answer as JSON data, where the agent has an answer type. cost: in the currency of the price table; None: unknown.
    """

    content: str
    answer: str
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason | None = None
    refusal: str | None = None
    usage: Usage = Usage()
    model: str | None = None
    metrics: StreamMetrics | None = None
    value: Any = None
    cost: float | None = None


class StreamComplete(StreamEvent, frozen=True, tag="stream_complete"):
    """Terminal: the answer is whole."""

    response: Response


class StreamError(StreamEvent, frozen=True, tag="stream_error"):
    """Terminal: the turn failed.

    content: the text that had arrived, equal to the joined tokens. response: everything that had arrived, as the
    Response of a finished turn; None if the turn never began.
    """

    reason: Fault
    content: str = ""
    metrics: StreamMetrics | None = None
    response: Response | None = None


Event: TypeAlias = (
    StreamStart
    | StreamToken
    | StreamReasoning
    | StreamFunctionCallStarted
    | StreamFunctionArgumentsDelta
    | StreamFunctionCallComplete
    | StreamFunctionExecutionStart
    | StreamToolResult
    | StreamToolProgress
    | StreamApprovalRequired
    | StreamReset
    | StreamUsage
    | StreamComplete
    | StreamError
)

TERMINAL: Final = (StreamComplete, StreamError)
"""One of these is a stream's last event."""
