"""The body of a Chat Completions request."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents.core.conversation import (
    AssistantMessage,
    Conversation,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
    well_formed,
)
from agents.llm.chat.content import content, parts_of_results, result_text
from agents.llm.chat.reasoning import fields_going_back


def request(tools: Sequence[Mapping[str, Any]], *, model: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body without its messages.

    tools: name, description, parameters (a JSON schema) and optionally strict. options: more fields of the body, which
    replace ours. An option of None removes a field (`{"stream_options": None}` for a server that refuses that field).
    """
    body: dict[str, Any] = {"model": model, "stream": True, "stream_options": {"include_usage": True}}
    if tools:
        body["tools"] = [{"type": "function", "function": dict(tool)} for tool in tools]
    body |= options
    if not body["stream"]:
        del body["stream_options"]
    return {name: value for name, value in body.items() if value is not None}


def entries(turn: Conversation) -> Iterator[dict[str, Any]]:
    """Yield a turn's messages as the body has them, well formed.

    Empty answers are left out, since some providers refuse them (Mistral, Anthropic).
    """
    messages = well_formed(turn)
    results: list[ToolMessage] = []
    for message, reasoning in zip(messages, fields_going_back(messages), strict=True):
        if isinstance(message, ToolMessage):
            results.append(message)
        elif results:
            yield from _parts(results)
            results = []
        if not isinstance(message, AssistantMessage) or message.content.strip() or message.tool_calls or reasoning:
            yield _message(message) | reasoning
    yield from _parts(results)


def _parts(results: Sequence[ToolMessage]) -> Iterator[dict[str, Any]]:
    if (parts := parts_of_results(results)) is not None:
        yield parts


def _message(message: Message) -> dict[str, Any]:
    match message:
        case SystemMessage(text):
            return {"role": "system", "content": text}
        case UserMessage(given):
            return {"role": "user", "content": content(given)}
        case ToolMessage():
            return {"role": "tool", "tool_call_id": message.tool_call_id, "content": result_text(message)}
        case AssistantMessage(text, calls) if calls:
            return {"role": "assistant", "content": text or None, "tool_calls": [_call(call) for call in calls]}
        case AssistantMessage(text):
            return {"role": "assistant", "content": text}


def _call(call: ToolCall) -> dict[str, Any]:
    """Return the call as its provider sent it. Blank arguments become `{}`: some providers refuse invalid JSON."""
    arguments = call.arguments if call.arguments.strip() else "{}"
    function = {"name": call.name, "arguments": arguments}
    return {**(call.extra or {}), "id": call.id, "type": call.type, "function": function}
