"""The events of a stream, in the form for its subscribers. Source: API reference, "Client-Facing Events".

The nine documented tuples are frozen structs. The tag is the documented atom, and the fields have the documented names.
Each event carries `stream_id`, `seq`, `attempt` and `at`. `seq` and `attempt` begin at 1. Within one attempt, `seq` has
no gaps; after a crash of the program it may jump once (ADR 5). `at` is the time of the step that made the event. The
store keeps events as `msgspec.json.encode(event)`; the gateway writes them by agents/contract/wire.py.

A slow subscriber gets the missed pieces of a text as one event. `joined` is the number of these pieces. The event has
the seq of its last piece. So within one attempt, `seq - joined` is the seq of the previous event.
"""

from typing import Any, Final, TypeAlias

from msgspec import Struct

from agents.core.conversation import ToolCall
from agents.core.deltas import Usage
from agents.core.errors import Fault
from agents.core.parts import Content, MediaPart, TextPart
from agents.core.response import Response
from agents.core.stream_metrics import StreamMetrics


class StreamEvent(Struct, frozen=True, kw_only=True, tag_field="type"):
    """The fields of all events.

    stream_id: the turn's stream. seq: 1, 2, 3 ... attempt: rises with each StreamReset. at: Unix seconds, with
    microseconds; None in events that an older version stored. Within one attempt, `at` never decreases, with one
    exception: a StreamToolStart of an eager call has the earlier time at which the call began.
    """

    stream_id: str = ""
    seq: int = 0
    attempt: int = 1
    at: float | None = None


class StreamStart(StreamEvent, frozen=True, tag="stream_start"):
    """The turn has begun. agent_id: the agent that answers. speaker: of an earlier StreamHandoff, or None."""

    agent_id: str
    speaker: str | None = None


class StreamHandoff(StreamEvent, frozen=True, tag="stream_handoff"):
    """The agent with this name speaks from here on: its instructions, its model and its tools hold."""

    speaker: str


class StreamToken(StreamEvent, frozen=True, gc=False, tag="stream_token"):
    """A piece of the answer's text, never empty."""

    token: str
    joined: int = 1


class StreamReasoning(StreamEvent, frozen=True, gc=False, tag="stream_reasoning"):
    """A piece of the model's visible reasoning: not part of the answer."""

    text: str
    joined: int = 1


class StreamFunctionCallStarted(StreamEvent, frozen=True, tag="stream_function_call_started"):
    """The start of a call: its id and name are known, and its arguments are empty."""

    function_call: ToolCall


class StreamFunctionArgumentsDelta(StreamEvent, frozen=True, gc=False, tag="stream_function_arguments_delta"):
    """A piece of a call's JSON arguments. index: the call's number in its model call."""

    index: int
    delta: str
    joined: int = 1


class StreamFunctionCallComplete(StreamEvent, frozen=True, tag="stream_function_call_complete"):
    """The call with its whole arguments. It runs only after this event."""

    function_call: ToolCall


class StreamFunctionExecutionStart(StreamEvent, frozen=True, tag="stream_function_execution_start"):
    """The calls of a model call are about to run, in parallel."""


class StreamToolStart(StreamEvent, frozen=True, tag="stream_tool_start"):
    """A call begins to run, after any wait for a place, for earlier calls, or for an approval.

    attempt_of_call: 1, 2, 3 ... rises when the call is run again. A program that resumes the turn counts from 1.
    """

    tool_call: ToolCall
    attempt_of_call: int = 1


class ToolResult(Struct, frozen=True):
    """The result of one call.

    content: the text for the model, on success and on failure. value: the tool's return value, as JSON data.
    error: None, or the kind of failure: "unknown_tool", "invalid_arguments", "denied", "unknown" (the program was
    restarted during the call), "raised", "timeout", "crashed", "cpu_time". After the last four, content and value are
    the tool's fallback if it has one.
    attempts: the number of times that the call was run. parts: the images, sounds and files of the result, which the
    model gets after the text.
    """

    content: str
    value: Any = None
    error: str | None = None
    elapsed_s: float = 0.0
    attempts: int = 1
    parts: tuple[MediaPart, ...] = ()

    @property
    def for_the_model(self) -> Content:
        """The content of the message with this result."""
        return (TextPart(self.content), *self.parts) if self.parts else self.content


class StreamToolResult(StreamEvent, frozen=True, tag="stream_tool_result"):
    """A call has ended."""

    tool_call: ToolCall
    result: ToolResult


class StreamToolProgress(StreamEvent, frozen=True, tag="stream_tool_progress"):
    """The progress of a running call. data: the tool's report, as JSON data. The model does not get it."""

    tool_call: ToolCall
    data: Any


class StreamApprovalRequired(StreamEvent, frozen=True, tag="stream_approval_required"):
    """A call waits for agent.approve with its id. Without a decision within timeout_s the call is denied.

    why: the question that the host's hook asks, or "".
    """

    tool_call: ToolCall
    timeout_s: float
    why: str = ""


class StreamReset(StreamEvent, frozen=True, tag="stream_reset"):
    """A model call is made again, as attempt `attempt`. Its text so far and its calls are void.

    content: the turn's valid text, from earlier model calls. New tokens follow it.
    """

    reason: Fault
    content: str = ""


class StreamCompacted(StreamEvent, frozen=True, tag="stream_compacted"):
    """The model gets less of the conversation from now on. The conversation itself stays whole.

    before, after: the estimated tokens of the request. messages: the number of messages that are left out, in addition
    to earlier ones. results: the number of tool results that are replaced by a short text. summary: the text in place
    of all left out messages. fault: the reason why a new summary failed.
    """

    before: int
    after: int
    messages: int
    results: int
    summary: str = ""
    fault: Fault | None = None

    def __str__(self) -> str:
        return f"the model gets less of the conversation: {self.after} tokens in place of {self.before}"


class StreamWarning(StreamEvent, frozen=True, tag="stream_warning"):
    """The answer continues, but some of its text may be missing. reason: the unreadable event."""

    reason: Fault


class StreamUsage(StreamEvent, frozen=True, tag="stream_usage"):
    """The turn's usage so far. Published before calls run, if the provider reports its usage.

    cost: None if unknown. Response has the usage of the whole turn.
    """

    usage: Usage
    cost: float | None = None


class StreamComplete(StreamEvent, frozen=True, tag="stream_complete"):
    """Terminal event: the answer is whole."""

    response: Response


class StreamError(StreamEvent, frozen=True, tag="stream_error"):
    """Terminal event: the turn failed.

    content: the text that had arrived, equal to the joined tokens. response: everything that had arrived, as the
    Response of a finished turn. None if the turn never began.
    """

    reason: Fault
    content: str = ""
    metrics: StreamMetrics | None = None
    response: Response | None = None


OwnEvent: TypeAlias = (
    StreamStart
    | StreamToken
    | StreamReasoning
    | StreamFunctionCallStarted
    | StreamFunctionArgumentsDelta
    | StreamFunctionCallComplete
    | StreamFunctionExecutionStart
    | StreamToolStart
    | StreamToolResult
    | StreamToolProgress
    | StreamApprovalRequired
    | StreamHandoff
    | StreamReset
    | StreamCompacted
    | StreamWarning
    | StreamUsage
    | StreamComplete
    | StreamError
)


class StreamSubAgent(StreamEvent, frozen=True, tag="stream_sub_agent"):
    """An event of a sub-agent, which answers a call of this turn.

    path: the ids of the calls that lead to it, this turn's first. event: with the stream_id and seq of its own stream.
    """

    path: tuple[str, ...]
    event: OwnEvent


Event: TypeAlias = OwnEvent | StreamSubAgent

TERMINAL: Final = (StreamComplete, StreamError)
"""The terminal events. A stream's last event is one of these."""
