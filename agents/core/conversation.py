"""A conversation: an immutable sequence of messages that is well formed in both directions.

Every tool call has its result and every result its call before a request is made (`well_formed`).
"""

from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace


class Function(Struct, frozen=True):
    """name, and arguments as the wire string of JSON."""

    name: str
    arguments: str


class ToolCall(Struct, frozen=True):
    """One call the model asks for. Source: API reference, tool_call().

    id: the provider's id, made up where it sent none; unique in its response.
    index: order of first appearance in its response, from 0.
    extra: fields of the call that we don't know and the provider wants back (a thought signature).
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


class SystemMessage(Struct, frozen=True, tag_field="role", tag="system"):
    content: str


class UserMessage(Struct, frozen=True, tag_field="role", tag="user"):
    content: str


class AssistantMessage(Struct, frozen=True, tag_field="role", tag="assistant"):
    """What the model said and asked for.

    reasoning: its visible thoughts. partial: the stream was cut or cancelled.
    items: what must go back to the provider beside text and calls. Of the Responses API its output items, unchanged and
    in order (reasoning, unknown kinds); of the Chat API how its reasoning came (llm/chat/reasoning.py).
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
    content: str


Message: TypeAlias = SystemMessage | UserMessage | AssistantMessage | ToolMessage

Conversation: TypeAlias = tuple[Message, ...]


def addressed(messages: Conversation, origin: str) -> Conversation:
    """The conversation for the model of this origin: without what other models alone can read."""
    return tuple(
        _in_plain(message) if isinstance(message, AssistantMessage) and message.origin not in ("", origin) else message
        for message in messages
    )


def _in_plain(message: AssistantMessage) -> AssistantMessage:
    calls = tuple(replace(call, extra=None) for call in message.tool_calls)
    return replace(message, tool_calls=calls, items=())


UNANSWERED = "error: no result: this call was not run, or was stopped"


def well_formed(messages: Conversation) -> Conversation:
    """The conversation as a provider accepts it: each call answered right after it, each result with its call.

    A call without a result gets UNANSWERED; a result without a call is left out.
    """
    fixed: list[Message] = []
    position = 0
    while position < len(messages):
        message = messages[position]
        position += 1
        match message:
            case ToolMessage():
                continue  # those that belong to a call were taken with it, below
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
    """Take the call's own result out of results: ids may repeat in a later turn, never within one message."""
    for result in results:
        if result.tool_call_id == call.id:
            results.remove(result)
            return result
    return ToolMessage(call.id, call.name, UNANSWERED)
