"""The shapes of the data of a stream's events. Source: API reference, "Web Handler Integration".

`joined` counts the events that one event stands for, where a client was slow or came late. `attempt` is left out while
it is 1. `at` is the time of the event as Unix seconds. It is left out for an event that an older version stored.
"""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from agents.core.conversation import ToolCall
from agents.core.deltas import Usage
from agents.core.errors import Fault
from agents.core.events import ToolResult
from agents.core.question import Question
from agents.core.response import Response
from agents.core.stream_metrics import StreamMetrics
from agents.core.waiting import Decision, OnTimeout, WaitKind


class EventData(Struct, frozen=True, kw_only=True, gc=False):
    """attempt: rises with each `reset`; the first one is left out. at: Unix seconds, with microseconds."""

    attempt: int | UnsetType = UNSET
    at: float | UnsetType = UNSET


class StartData(EventData, frozen=True):
    """The turn has begun. speaker: the agent to which an earlier turn was handed over; otherwise left out."""

    agent_id: str
    stream_id: str
    speaker: str | UnsetType = UNSET


class HandoffData(EventData, frozen=True):
    """The agent with this name speaks from here on."""

    speaker: str


class TextData(EventData, frozen=True, gc=False):
    """A piece of the answer, or of the model's reasoning."""

    text: str
    joined: int | UnsetType = UNSET


class ArgumentsData(EventData, frozen=True, gc=False):
    """A piece of a call's JSON arguments. index: of the call in its model call."""

    index: int
    delta: str
    joined: int | UnsetType = UNSET


class CallData(ToolCall, frozen=True):
    """A call of a tool. attempt, at: see EventData."""

    attempt: int | UnsetType = UNSET
    at: float | UnsetType = UNSET


class ExecutionData(EventData, frozen=True):
    """The calls of a model call are about to run."""


class ToolStartData(EventData, frozen=True):
    """A call begins to run. attempt_of_call: rises when the call is run again after a failure."""

    tool_call: ToolCall
    attempt_of_call: int


class ToolResultData(EventData, frozen=True):
    """A call has ended."""

    tool_call: ToolCall
    result: ToolResult


class ToolProgressData(EventData, frozen=True):
    """A call that runs reports its progress. data: as its tool gave it."""

    tool_call: ToolCall
    data: Any


class ApprovalData(EventData, frozen=True):
    """The call waits for a decision, or for the answer to its question. After timeout_s, `on_timeout` decides.

    deadline: the end of timeout_s in Unix seconds; null in events of older versions. kind: `approval` for a call that
    may run only after a decision, `effect` for one that may have taken effect: approved, it runs again. why: the
    question of the host's hook, or "". question: null for an approval; its default is the answer after timeout_s.
    """

    tool_call: ToolCall
    timeout_s: float
    deadline: float | None = None
    on_timeout: OnTimeout = "deny"
    kind: WaitKind = "approval"
    why: str = ""
    question: Question | None = None


class DecidedData(EventData, frozen=True):
    """A call was decided about. tool_call: with the arguments that it runs with.

    by: the user who decided; null for the deadline, and for a program. reason: for the model. edited: whether a person
    changed the arguments. grant: the id of the standing approval that decided, or null.
    """

    tool_call: ToolCall
    decision: Decision
    by: str | None = None
    reason: str = ""
    edited: bool = False
    grant: str | None = None


class SubAgentData(EventData, frozen=True):
    """An event of a sub-agent, which answers a call of this turn.

    path: the ids of the calls that lead to it. stream_id, seq: of the sub-agent's own stream. event, data: the event's
    name and its data, as in that stream.
    """

    path: tuple[str, ...]
    stream_id: str
    seq: int
    event: str
    data: Any


class ResetData(Struct, frozen=True):
    """A model call is made again. content: the text of the turn that still holds. at: see EventData."""

    error: Fault
    message: str
    content: str
    attempt: int
    at: float | UnsetType = UNSET


class CompactedData(EventData, frozen=True):
    """The model gets less of the conversation from now on. before, after: the estimated tokens of the request.

    messages, results: the number of messages that are now left out, and of results that are shortened. summary: the
    text in place of all left out messages. error: why a new summary failed; else null.
    """

    before: int
    after: int
    messages: int
    results: int
    summary: str
    error: Fault | None


class WarningData(EventData, frozen=True):
    """The answer continues, but some of its text may be missing."""

    error: Fault
    message: str


class UsageData(EventData, frozen=True):
    """The turn's usage so far. cost: null where it is unknown. session_tokens, session_cost: of the session so far."""

    usage: Usage
    cost: float | None
    session_tokens: int | None = None
    session_cost: float | None = None


class CompleteData(Response, frozen=True):
    """The finished turn. attempt, at: see EventData."""

    attempt: int | UnsetType = UNSET
    at: float | UnsetType = UNSET


class FailureData(EventData, frozen=True):
    """The turn failed.

    content: the text that had arrived. response: everything that had arrived; null if the turn never began.
    """

    error: Fault
    message: str
    content: str
    metrics: StreamMetrics | None = None
    response: Response | None = None


class CutData(Struct, frozen=True):
    """The answer ends here, before the stream does: the client reads on from its last id."""

    code: Literal["slow_reader", "token_revoked", "store_unavailable", "moved"]
    message: str
