"""The body of a Responses request."""

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
from agents.llm.text import safe

ENCRYPTED_REASONING = "reasoning.encrypted_content"


def request(
    messages: Conversation, tools: Sequence[Mapping[str, Any]], *, model: str, options: Mapping[str, Any]
) -> dict[str, Any]:
    """JSON data that any provider takes: well formed, without NUL and lone surrogates.

    tools and options: as of the chat request. With `store` false the provider keeps nothing, so its reasoning is
    asked for in encrypted form, to be sent back.
    """
    stored = options.get("store") is not False
    body: dict[str, Any] = {
        "model": model,
        "input": [item for message in well_formed(messages) for item in _items(message, stored=stored)],
        "stream": True,
    }
    if tools:
        body["tools"] = [{"strict": False, **tool, "type": "function"} for tool in tools]
    body |= options
    if not stored:
        body["include"] = [*{ENCRYPTED_REASONING: None, **dict.fromkeys(options.get("include") or ())}]
    kept: dict[str, Any] = safe({name: value for name, value in body.items() if value is not None})
    return kept


def _items(message: Message, *, stored: bool) -> Iterator[dict[str, Any]]:
    match message:
        case SystemMessage(content):
            yield {"role": "system", "content": content}
        case UserMessage(content):
            yield {"role": "user", "content": content}
        case ToolMessage():
            yield {"type": "function_call_output", "call_id": message.tool_call_id, "output": message.content}
        case AssistantMessage():
            yield from _output(message, stored=stored)


def _output(message: AssistantMessage, *, stored: bool) -> Iterator[dict[str, Any]]:
    """The output items of an answer in their order: reasoning must stand right before what it led to.

    Calls are taken from the message, not from its items, so that what is sent back is what was run.
    """
    calls = {call.id: call for call in message.tool_calls}
    if message.content and not any(item.get("type") == "message" for item in message.items):
        yield {"role": "assistant", "content": message.content}
    for item in message.items:
        if item.get("type") == "function_call":
            if call := calls.pop(str(item.get("call_id")), None):
                yield item | _call(call)
        elif stored or not _is_reference(item):
            yield item
    for call in calls.values():
        yield _call(call)


def _is_reference(item: dict[str, Any]) -> bool:
    """Reasoning without its content: only a provider that stored it can follow its id."""
    return item.get("type") == "reasoning" and not item.get("encrypted_content")


def _call(call: ToolCall) -> dict[str, Any]:
    arguments = call.arguments if call.arguments.strip() else "{}"
    return {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments}
