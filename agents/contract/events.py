"""The data of a stream's events, as server-sent events carry it. Source: API reference, "Web Handler Integration".

`joined` is how many events this one stands for: the client was slow, or came late.
"""

from typing import Any, Final, Literal

from msgspec import Struct

from agents.contract.tagged import tagged, union
from agents.core.conversation import ToolCall
from agents.core.deltas import Usage
from agents.core.errors import Fault
from agents.core.events import Response, StreamMetrics, ToolResult


class StartData(Struct, frozen=True):
    """The turn has begun."""

    agent_id: str
    stream_id: str


class TextData(Struct, frozen=True, gc=False, omit_defaults=True):
    """A piece of the answer, or of the model's reasoning."""

    text: str
    joined: int = 1


class ArgumentsData(Struct, frozen=True, gc=False, omit_defaults=True):
    """A piece of a call's JSON arguments. index: of the call in its model call."""

    index: int
    delta: str
    joined: int = 1


class ExecutionData(Struct, frozen=True):
    """The calls of a model call are about to run."""


class ToolResultData(Struct, frozen=True):
    """A call has ended."""

    tool_call: ToolCall
    result: ToolResult


class ToolProgressData(Struct, frozen=True):
    """A call that runs reports its progress. data: as its tool gave it."""

    tool_call: ToolCall
    data: Any


class ApprovalData(Struct, frozen=True):
    """The call waits for a decision, and is denied after timeout_s."""

    tool_call: ToolCall
    timeout_s: float


class ResetData(Struct, frozen=True):
    """A model call is made again. content: the text of the turn that still holds."""

    error: Fault
    message: str
    content: str
    attempt: int


class WarningData(Struct, frozen=True):
    """The answer continues, but some of its text may be missing."""

    error: Fault
    message: str


class UsageData(Struct, frozen=True):
    """The turn's usage so far. cost: null where it is unknown."""

    usage: Usage
    cost: float | None


class FailureData(Struct, frozen=True):
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

    code: Literal["slow_reader", "token_revoked", "store_unavailable"]
    message: str


DATA: Final[dict[str, Any]] = {
    "start": StartData,
    "token": TextData,
    "reasoning": TextData,
    "function_start": ToolCall,
    "function_arguments": ArgumentsData,
    "function_complete": ToolCall,
    "execution_start": ExecutionData,
    "tool_result": ToolResultData,
    "tool_progress": ToolProgressData,
    "approval_required": ApprovalData,
    "reset": ResetData,
    "warning": WarningData,
    "usage": UsageData,
    "complete": Response,
    "error": FailureData,
    "timeout": FailureData,
    "failed": FailureData,
}
"""The shapes by the events' names. failed: the name that a client can ask for instead of error and timeout."""

StreamEvents: Final = union(
    *(tagged(name, "Event", "event", ("id", int), ("data", data)) for name, data in DATA.items()),
    tagged("cut", "Event", "event", ("data", CutData)),
)
"""A server-sent event of a stream: its name, its data, its seq as its id. `cut` is not the stream's: it has no id."""
