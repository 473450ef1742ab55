"""The events of AG-UI that the gateway sends. Source: AG-UI protocol 1.0, "Events"."""

from typing import Any, Literal, TypeAlias

from msgspec import UNSET, Struct, UnsetType


class AgUiEvent(Struct, frozen=True, tag_field="type", rename="camel"):
    """An event of AG-UI."""


class RunStarted(AgUiEvent, frozen=True, tag="RUN_STARTED"):
    """The turn begins. thread_id: the session. run_id: the stream."""

    thread_id: str
    run_id: str


class TextMessageStart(AgUiEvent, frozen=True, tag="TEXT_MESSAGE_START"):
    """A text begins."""

    message_id: str
    role: Literal["assistant"] = "assistant"


class TextMessageContent(AgUiEvent, frozen=True, tag="TEXT_MESSAGE_CONTENT"):
    """A piece of a text."""

    message_id: str
    delta: str


class TextMessageEnd(AgUiEvent, frozen=True, tag="TEXT_MESSAGE_END"):
    """A text is whole."""

    message_id: str


class ReasoningStart(AgUiEvent, frozen=True, tag="REASONING_START"):
    """The model's visible reasoning begins."""

    message_id: str


class ReasoningMessageStart(AgUiEvent, frozen=True, tag="REASONING_MESSAGE_START"):
    """The text of the reasoning begins."""

    message_id: str
    role: Literal["reasoning"] = "reasoning"


class ReasoningMessageContent(AgUiEvent, frozen=True, tag="REASONING_MESSAGE_CONTENT"):
    """A piece of the reasoning."""

    message_id: str
    delta: str


class ReasoningMessageEnd(AgUiEvent, frozen=True, tag="REASONING_MESSAGE_END"):
    """The text of the reasoning is whole."""

    message_id: str


class ReasoningEnd(AgUiEvent, frozen=True, tag="REASONING_END"):
    """The reasoning is over."""

    message_id: str


class ToolCallStart(AgUiEvent, frozen=True, tag="TOOL_CALL_START"):
    """A call begins."""

    tool_call_id: str
    tool_call_name: str


class ToolCallArgs(AgUiEvent, frozen=True, tag="TOOL_CALL_ARGS"):
    """A piece of a call's JSON arguments."""

    tool_call_id: str
    delta: str


class ToolCallEnd(AgUiEvent, frozen=True, tag="TOOL_CALL_END"):
    """The arguments of a call are whole."""

    tool_call_id: str


class ToolCallResult(AgUiEvent, frozen=True, tag="TOOL_CALL_RESULT"):
    """The result of a call of the agent's own tools."""

    message_id: str
    tool_call_id: str
    content: str
    role: Literal["tool"] = "tool"


class Custom(AgUiEvent, frozen=True, tag="CUSTOM"):
    """An event that AG-UI has no word for. name, value: as in the stream's own events."""

    name: str
    value: Any


class RunSucceeded(Struct, frozen=True, tag_field="type", tag="success", rename="camel"):
    """The turn is complete. pending_tool_call_ids: the calls that the front end runs."""

    pending_tool_call_ids: list[str] | UnsetType = UNSET


class RunCancelled(Struct, frozen=True, tag_field="type", tag="cancelled"):
    """The turn was cancelled."""


class RunFinished(AgUiEvent, frozen=True, tag="RUN_FINISHED"):
    """The turn has ended."""

    thread_id: str
    run_id: str
    outcome: RunSucceeded | RunCancelled


class RunError(AgUiEvent, frozen=True, tag="RUN_ERROR"):
    """The turn failed, or this client gets no more of it."""

    message: str
    code: str


AgUiEvents: TypeAlias = (
    RunStarted
    | TextMessageStart
    | TextMessageContent
    | TextMessageEnd
    | ReasoningStart
    | ReasoningMessageStart
    | ReasoningMessageContent
    | ReasoningMessageEnd
    | ReasoningEnd
    | ToolCallStart
    | ToolCallArgs
    | ToolCallEnd
    | ToolCallResult
    | Custom
    | RunFinished
    | RunError
)
