"""The events of a stream, in the form for its subscribers. Source: API reference, "Client-Facing Events".

The nine documented tuples are frozen structs. The tag is the documented atom, and the fields have the documented names.
Each event carries `stream_id`, `seq`, `attempt` and `at`. `seq` and `attempt` begin at 1. Within one attempt, `seq` has
no gaps; after a crash of the program it may jump once (ADR 5). `at` is the time of the step that made the event. The
store keeps events as `msgspec.json.encode(event)`; the gateway writes them by agents/contract/wire.py.

A slow subscriber gets the missed pieces of a text as one event. `joined` is the number of these pieces. The event has
the seq of its last piece. So within one attempt, `seq - joined` is the seq of the previous event.
"""

from typing import Any, Final, TypeAlias

from agents.core.conversation import ToolCall
from agents.core.deltas import Usage
from agents.core.errors import Fault
from agents.core.event_base import StreamEvent
from agents.core.question import Question
from agents.core.response import Response
from agents.core.stream_metrics import StreamMetrics
from agents.core.tool_result import ToolResult as ToolResult
from agents.core.waiting import Decision, OnTimeout, WaitKind


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

    attempt_of_call: 1, 2, 3 ... rises when the call is run again, except after an answer to its own question. A program
    that resumes the turn counts from 1.
    """

    tool_call: ToolCall
    attempt_of_call: int = 1


class StreamToolResult(StreamEvent, frozen=True, tag="stream_tool_result"):
    """A call has ended."""

    tool_call: ToolCall
    result: ToolResult


class StreamToolProgress(StreamEvent, frozen=True, tag="stream_tool_progress"):
    """The progress of a running call. data: the tool's report, as JSON data. The model does not get it."""

    tool_call: ToolCall
    data: Any


class StreamApprovalRequired(StreamEvent, frozen=True, tag="stream_approval_required"):
    """A call waits for a person: for agent.approve with its id, or for agent.answer if it has a question.

    After timeout_s, `on_timeout` decides, or the question's default is the answer. deadline: the end of timeout_s in
    Unix seconds, the same after a restart of the program. None in events of older versions. kind: as in Waiting. A call
    of kind "effect" may have taken effect: approved, it runs again, and denied, its outcome stays unknown. why: the
    question that the host's hook asks, or "".
    """

    tool_call: ToolCall
    timeout_s: float
    deadline: float | None = None
    on_timeout: OnTimeout = "deny"
    kind: WaitKind = "approval"
    why: str = ""
    question: Question | None = None


class StreamApprovalDecided(StreamEvent, frozen=True, tag="stream_approval_decided"):
    """The decision on a call that waited, or that a standing approval allows.

    tool_call: with the arguments that it runs with. edited: whether a person changed them. by, reason, grant: as in
    Ruling.
    """

    tool_call: ToolCall
    decision: Decision
    by: str | None = None
    reason: str = ""
    edited: bool = False
    grant: str | None = None


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

    cost: None if unknown. Response has the usage of the whole turn. session_tokens, session_cost: the charges of the
    session so far, without those of sub-agents; None in events of older versions.
    """

    usage: Usage
    cost: float | None = None
    session_tokens: int | None = None
    session_cost: float | None = None


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
    | StreamApprovalDecided
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
