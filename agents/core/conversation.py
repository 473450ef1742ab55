"""A conversation: an immutable sequence of messages.

Before a request, `well_formed` gives each tool call a result, and drops each result without a call.
"""

from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from agents.core.parts import Content


class Function(Struct, frozen=True):
    """The function of a call. arguments: JSON, as the provider sent it."""

    name: str
    arguments: str


class ToolCall(Struct, frozen=True):
    """A call that the model requests. Source: API reference, tool_call().

    id: the provider's id, or a generated one; unique in its response.
    index: order of first appearance in its response, from 0.
    extra: unknown fields that the provider needs back, such as a thought signature.
    """

    id: str
    function: Function
    index: int = 0
    type: str = "function"
    extra: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        return self.function.name

    @property
    def arguments(self) -> str:
        return self.function.arguments

    def edited(self, arguments: str) -> "ToolCall":
        """Return the call with other arguments."""
        return replace(self, function=replace(self.function, arguments=arguments))


class SystemMessage(Struct, frozen=True, tag_field="role", tag="system"):
    content: str


class UserMessage(Struct, frozen=True, tag_field="role", tag="user"):
    content: Content


class AssistantMessage(Struct, frozen=True, tag_field="role", tag="assistant"):
    """An answer of the model: its text and its calls.

    reasoning: the model's visible reasoning. partial: the stream was cut or cancelled. origin: the model and its
    address; "" if unknown.
    items: data to send back to the provider beside text and calls. With the Responses API these are its output items,
    unchanged and in order (reasoning, unknown kinds). With the Chat API this is the reasoning's original form
    (llm/chat/reasoning.py).
    """

    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str = ""
    partial: bool = False
    items: tuple[dict[str, Any], ...] = ()
    origin: str = ""


class ToolMessage(Struct, frozen=True, tag_field="role", tag="tool"):
    """The result of one call, as the model reads it."""

    tool_call_id: str
    name: str
    content: Content


Message: TypeAlias = SystemMessage | UserMessage | AssistantMessage | ToolMessage

Conversation: TypeAlias = tuple[Message, ...]


def addressed(messages: Conversation, origin: str) -> Conversation:
    """Return the conversation for the model of this origin, without data that only another model can read."""
    return tuple(
        _in_plain(message) if isinstance(message, AssistantMessage) and message.origin not in ("", origin) else message
        for message in messages
    )


def _in_plain(message: AssistantMessage) -> AssistantMessage:
    calls = tuple(replace(call, extra=None) for call in message.tool_calls)
    return replace(message, tool_calls=calls, items=())


UNANSWERED = "error: no result: this call was not run, or was stopped"


def well_formed(messages: Conversation) -> Conversation:
    """Return the conversation in the form that a provider accepts: every result directly follows its call.

    A call without a result gets UNANSWERED; a result without a call is left out.
    """
    fixed: list[Message] = []
    position = 0
    while position < len(messages):
        message = messages[position]
        position += 1
        match message:
            case ToolMessage():
                continue  # a result with a call was moved to the call, below
            case AssistantMessage(tool_calls=calls) if calls:
                results: list[ToolMessage] = []
                while position < len(messages) and isinstance(result := messages[position], ToolMessage):
                    results.append(result)
                    position += 1
                fixed.append(message)
                fixed += [_result_of(call, results) for call in calls]
            case _:
                fixed.append(message)
    return tuple(fixed)


def _result_of(call: ToolCall, results: list[ToolMessage]) -> ToolMessage:
    """Remove and return the call's result from results. An id may repeat in a later turn, never within one message."""
    for result in results:
        if result.tool_call_id == call.id:
            results.remove(result)
            return result
    return ToolMessage(call.id, call.name, UNANSWERED)
