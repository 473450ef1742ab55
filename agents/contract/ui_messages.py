"""The parts of the AI SDK's UI message stream that the gateway sends. Source: AI SDK, "Stream Protocols"."""

from typing import Any, Literal, TypeAlias

from msgspec import UNSET, Struct, UnsetType


class UiPart(Struct, frozen=True, tag_field="type", rename="camel"):
    """A part of a UI message stream."""


class MessageStart(UiPart, frozen=True, tag="start"):
    """The turn begins. message_id: the stream's id."""

    message_id: str


class StepStart(UiPart, frozen=True, tag="start-step"):
    """A model call begins."""


class TextStart(UiPart, frozen=True, tag="text-start"):
    """A text begins."""

    id: str


class UiTextDelta(UiPart, frozen=True, tag="text-delta"):
    """A piece of a text."""

    id: str
    delta: str


class TextEnd(UiPart, frozen=True, tag="text-end"):
    """A text is whole."""

    id: str


class ThoughtStart(UiPart, frozen=True, tag="reasoning-start"):
    """The model's visible reasoning begins."""

    id: str


class ThoughtDelta(UiPart, frozen=True, tag="reasoning-delta"):
    """A piece of the reasoning."""

    id: str
    delta: str


class ThoughtEnd(UiPart, frozen=True, tag="reasoning-end"):
    """The reasoning is over."""

    id: str


class ToolInputStart(UiPart, frozen=True, tag="tool-input-start"):
    """A call begins."""

    tool_call_id: str
    tool_name: str
    dynamic: bool = True


class ToolInputDelta(UiPart, frozen=True, tag="tool-input-delta"):
    """A piece of a call's JSON arguments."""

    tool_call_id: str
    input_text_delta: str


class ToolInputAvailable(UiPart, frozen=True, tag="tool-input-available"):
    """The arguments of a call are whole. input: JSON data, or the text of invalid JSON."""

    tool_call_id: str
    tool_name: str
    input: Any
    dynamic: bool = True


class ToolOutputAvailable(UiPart, frozen=True, tag="tool-output-available"):
    """The result of a call, or with `preliminary` its progress."""

    tool_call_id: str
    output: Any
    dynamic: bool = True
    preliminary: bool | UnsetType = UNSET


class ToolOutputError(UiPart, frozen=True, tag="tool-output-error"):
    """The failure of a call."""

    tool_call_id: str
    error_text: str
    dynamic: bool = True


class ApprovalPart(UiPart, frozen=True, tag="data-approval_required"):
    """A call waits for a decision. data: as in the stream's own event."""

    data: Any
    transient: bool = True


class DecidedPart(UiPart, frozen=True, tag="data-approval_decided"):
    """A decision on a call. data: as in the stream's own event."""

    data: Any
    transient: bool = True


class SubAgentPart(UiPart, frozen=True, tag="data-sub_agent"):
    """An event of a sub-agent. data: as in the stream's own event."""

    data: Any
    transient: bool = True


class StepEnd(UiPart, frozen=True, tag="finish-step"):
    """A model call and its calls are over."""


class MessageEnd(UiPart, frozen=True, tag="finish"):
    """The turn is complete."""

    finish_reason: Literal["stop", "length", "content-filter"]


class MessageAborted(UiPart, frozen=True, tag="abort"):
    """The turn was cancelled."""

    reason: str


class MessageFailed(UiPart, frozen=True, tag="error"):
    """The turn failed, or this client gets no more of it."""

    error_text: str


UiParts: TypeAlias = (
    MessageStart
    | StepStart
    | TextStart
    | UiTextDelta
    | TextEnd
    | ThoughtStart
    | ThoughtDelta
    | ThoughtEnd
    | ToolInputStart
    | ToolInputDelta
    | ToolInputAvailable
    | ToolOutputAvailable
    | ToolOutputError
    | ApprovalPart
    | DecidedPart
    | SubAgentPart
    | StepEnd
    | MessageEnd
    | MessageAborted
    | MessageFailed
)
