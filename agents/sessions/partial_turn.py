"""What a conversation has of a turn that is taken up to one of its events."""

from collections.abc import Iterable

from agents.core.conversation import AssistantMessage, Conversation, Message, ToolCall, ToolMessage, UserMessage
from agents.core.events import (
    Event,
    StreamComplete,
    StreamFunctionCallComplete,
    StreamFunctionExecutionStart,
    StreamReasoning,
    StreamReset,
    StreamToken,
    StreamToolResult,
)


def partial_turn(message: str, events: Iterable[Event]) -> Conversation:
    """The user's message, the model calls that are over with their results, and what the last one had said, marked.

    Calls that did not begin to run are left out, since a history must not hold a call that nobody answers; so is what a
    stream_reset took back. What no event says is not in it: what the user said while the turn ran, and what only the
    model that said it can read.
    """
    said: list[Message] = [UserMessage(message)]
    calls: tuple[ToolCall, ...] = ()
    text = thoughts = ""
    whole = False
    for event in events:
        match event:
            case StreamToken(token):
                text += token
            case StreamReasoning(thought):
                thoughts += thought
            case StreamFunctionCallComplete(call):
                calls = (*calls, call)
            case StreamFunctionExecutionStart():
                said.append(AssistantMessage(text, calls, thoughts))
                text, thoughts, calls = "", "", ()
            case StreamToolResult(call, result):
                said.append(ToolMessage(call.id, call.name, result.content))
            case StreamReset():
                text, thoughts, calls = "", "", ()
            case StreamComplete():
                whole = True
    if text:
        said.append(AssistantMessage(text, reasoning=thoughts, partial=not whole))
    return tuple(said)
