"""The state of a turn in the documents' words, as a function of its events.

Source: "Function Call Accumulation State Machine". A turn may enter streaming from every state before its end, because
a model call may be made again. An error may end a turn in every state. Tool errors and unreadable arguments are results
of their calls, so they do not end the turn.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

from agents.core.conversation import ToolCall
from agents.core.errors import Cancelled
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
)

TurnState: TypeAlias = Literal[
    "idle",
    "streaming",
    "function_detected",
    "accumulating_args",
    "function_ready",
    "executing",
    "results_ready",
    "complete",
    "error",
]

TurnStatus: TypeAlias = Literal["waiting", "running", "complete", "error", "cancelled"]

AFTER: Final[Mapping[type[Any], TurnState]] = {
    StreamStart: "streaming",
    StreamToken: "streaming",
    StreamReasoning: "streaming",
    StreamReset: "streaming",
    StreamFunctionCallStarted: "function_detected",
    StreamFunctionArgumentsDelta: "accumulating_args",
    StreamFunctionCallComplete: "function_ready",
    StreamFunctionExecutionStart: "executing",
    StreamToolStart: "executing",
    StreamToolProgress: "executing",
    StreamApprovalRequired: "executing",
    StreamSubAgent: "executing",
    StreamToolResult: "results_ready",
    StreamComplete: "complete",
    StreamError: "error",
}
"""The state after an event. After a result it is executing while another call of the model call has no result."""

UNCHANGED: Final = frozenset({StreamUsage, StreamWarning, StreamCompacted, StreamHandoff, StreamApprovalDecided})
"""The events that leave the state as it was."""


def state_of(events: Sequence[Event]) -> TurnState:
    """Return the state after these events of a turn. Only the last events are read."""
    last = next((event for event in reversed(events) if type(event) not in UNCHANGED), None)
    if last is None:
        return "idle"
    return "executing" if type(last) is StreamToolResult and _runs_calls(events) else AFTER[type(last)]


def status_of(end: StreamComplete | StreamError | None) -> TurnStatus:
    """Return the status of a turn that has begun. end: its terminal event, or None."""
    match end:
        case None:
            return "running"
        case StreamComplete():
            return "complete"
        case StreamError(Cancelled()):
            return "cancelled"
    return "error"


def _runs_calls(events: Sequence[Event]) -> bool:
    """Return whether a call of the last model call has no result. events: they end with a result of it."""
    answered, within_model_call = set[int](), False
    for event in reversed(events):
        match event:
            case StreamToolResult(call) if not within_model_call:
                answered.add(call.index)
            case StreamFunctionCallComplete(call) if call.index not in answered:
                return True
            case StreamFunctionExecutionStart():
                within_model_call = True
            case StreamToolResult() | StreamReset() | StreamFunctionCallStarted(ToolCall(index=0)):
                return False
    return False
