"""The frames of the chat interface: JSON after `data: `. Source: "Streaming Implementation Guide", StreamEvent."""

from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType

from agents.contract.events import CutData
from agents.contract.tagged import tagged, union
from agents.contract.wire import DATA
from agents.core.conversation import ToolCall


class ChatFrame(Struct, frozen=True, kw_only=True):
    """at: Unix seconds. It is left out for an event that an older version stored."""

    at: float | UnsetType = UNSET


class DeltaContent(Struct, frozen=True):
    """A piece of the answer, in the place where the Chat API has it."""

    content: str


class DeltaFrame(ChatFrame, frozen=True, tag_field="type", tag="delta"):
    """A piece of the answer."""

    content: DeltaContent


class ToolCallFrame(ChatFrame, frozen=True, tag_field="type", tag="tool_call"):
    """A call with its whole arguments."""

    toolCall: ToolCall  # noqa: N815 (documented)


class ToolExecutionStartFrame(ChatFrame, frozen=True, tag_field="type", tag="tool_execution_start"):
    """A call begins to run."""

    toolId: str  # noqa: N815 (documented)
    toolName: str  # noqa: N815 (documented)


class ToolExecutionCompleteFrame(ChatFrame, frozen=True, tag_field="type", tag="tool_execution_complete"):
    """A call has ended. result: its value, as JSON data."""

    toolId: str  # noqa: N815 (documented)
    result: Any


class ToolExecutionErrorFrame(ChatFrame, frozen=True, tag_field="type", tag="tool_execution_error"):
    """A call has failed. The turn continues."""

    toolId: str  # noqa: N815 (documented)
    error: str


class DoneFrame(ChatFrame, frozen=True, tag_field="type", tag="done"):
    """The last frame of an answer that is whole."""


class ErrorFrame(ChatFrame, frozen=True, tag_field="type", tag="error"):
    """The last frame of a turn that failed."""

    error: str


class CutFrame(CutData, frozen=True, tag_field="type", tag="cut"):
    """The connection ends here. The turn continues without the client."""


OTHERS: Final = {
    name: DATA[name]
    for name in (
        "start",
        "reasoning",
        "tool_progress",
        "approval_required",
        "approval_decided",
        "handoff",
        "sub_agent",
        "reset",
        "compacted",
        "warning",
        "usage",
    )
}
"""The events without a word in the document: their own names, and the shapes of their `data`."""

ChatFrames: Final = union(
    DeltaFrame,
    ToolCallFrame,
    ToolExecutionStartFrame,
    ToolExecutionCompleteFrame,
    ToolExecutionErrorFrame,
    DoneFrame,
    ErrorFrame,
    CutFrame,
    *(tagged(name, "Frame", "type", ("data", data)) for name, data in OTHERS.items()),
)
