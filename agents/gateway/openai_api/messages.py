"""The messages of a chat completion as a conversation."""

from collections.abc import Sequence

from agents.core import parts
from agents.core.conversation import (
    AssistantMessage,
    Conversation,
    Function,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from agents.gateway.errors import Refusal
from agents.gateway.openai_api.chat_body import ChatMessage, MessageCall

NO_TEXT = "(results of calls)"
"""The text of a turn without a text of the user, as its stream's record has it."""


def conversation_of(messages: Sequence[ChatMessage]) -> Conversation:
    """Return the messages as a conversation. Raises Refusal for a result of an unknown call."""
    found: list[Message] = []
    names: dict[str, str] = {}
    for place, message in enumerate(messages):
        text = message.content or ""
        match message.role:
            case "system" | "developer":
                found.append(SystemMessage(text))
            case "user":
                found.append(UserMessage(text))
            case "assistant":
                calls = tuple(_call(index, call) for index, call in enumerate(message.tool_calls or ()))
                names |= {call.id: call.name for call in calls}
                found.append(AssistantMessage(text, calls, message.reasoning_content or ""))
            case "tool":
                found.append(result_of(message.tool_call_id, text, names, f"messages[{place}].tool_call_id"))
    return tuple(found)


def result_of(call_id: str | None, text: str, names: dict[str, str], param: str) -> ToolMessage:
    """Return the result of a call. names: those of the calls so far, by id. Raises Refusal for an unknown call."""
    if call_id not in names:
        raise Refusal(422, f"{param}: expected the id of an earlier call, got {call_id!r}"[:200], param=param)
    return ToolMessage(call_id, names[call_id], text)


def text_of(conversation: Conversation) -> str:
    """Return the last text of the user."""
    texts = (parts.text_of(message.content) for message in reversed(conversation) if isinstance(message, UserMessage))
    return next(texts, "") or NO_TEXT


def _call(index: int, call: MessageCall) -> ToolCall:
    return ToolCall(call.id, Function(call.function.name, call.function.arguments), index)
