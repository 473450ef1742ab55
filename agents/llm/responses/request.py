"""The body of a Responses request."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from agents.core.conversation import (
    UNANSWERED,
    AssistantMessage,
    Conversation,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
    well_formed,
)
from agents.llm.chat.reasoning import ITEMS as CHAT_ITEMS
from agents.llm.responses.content import content

ENCRYPTED_REASONING = "reasoning.encrypted_content"


def request(tools: Sequence[Mapping[str, Any]], *, model: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body without its input.

    tools and options: the same as for the chat request. If `store` is false, the provider keeps nothing. So the request
    asks for encrypted reasoning, which later requests send back.
    """
    body: dict[str, Any] = {"model": model, "stream": True}
    if tools:
        body["tools"] = [{"strict": False, **tool, "type": "function"} for tool in tools]
    body |= options
    if not _is_stored(options):
        body["include"] = [*{ENCRYPTED_REASONING: None, **dict.fromkeys(options.get("include") or ())}]
    return {name: value for name, value in body.items() if value is not None}


def entries(turn: Conversation, options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a turn's messages as items of the input, well formed."""
    stored, offered = _is_stored(options), _custom_tools(options)
    for message in well_formed(turn):
        yield from _items(message, offered, stored=stored)


def _is_stored(options: Mapping[str, Any]) -> bool:
    return options.get("store") is not False


def _items(message: Message, offered: frozenset[str], *, stored: bool) -> Iterator[dict[str, Any]]:
    match message:
        case SystemMessage(text):
            yield {"role": "system", "content": text}
        case UserMessage(given):
            yield {"role": "user", "content": content(given)}
        case ToolMessage():
            yield {"type": "function_call_output", "call_id": message.tool_call_id, "output": content(message.content)}
        case AssistantMessage():
            output = list(_with_followers(_output(message, stored=stored)))
            yield from output
            yield from _unanswered(output, offered)


def _output(message: AssistantMessage, *, stored: bool) -> Iterator[dict[str, Any] | None]:
    """Yield the output items of an answer in order, and None for an item that does not go back.

    Calls come from the message, not from its items, so that the request has the calls that ran.
    """
    calls = {call.id: call for call in message.tool_calls}
    if message.content and not any(item.get("type") == "message" for item in message.items):
        yield {"role": "assistant", "content": message.content}
    for item in message.items:
        if item.get("type") == "function_call":
            call = calls.pop(str(item.get("call_id")), None)
            yield item | _call(call) if call is not None else None
        elif item.get("type") not in CHAT_ITEMS and (stored or not _is_reference(item)):
            yield item
    for call in calls.values():
        yield _call(call)


def _with_followers(output: Iterable[dict[str, Any] | None]) -> Iterator[dict[str, Any]]:
    """Yield the output without reasoning whose next item is missing: a provider refuses such reasoning."""
    thoughts: list[dict[str, Any]] = []
    for item in output:
        if item is not None and item.get("type") == "reasoning":
            thoughts.append(item)
        else:
            if item is not None:
                yield from (*thoughts, item)
            thoughts = []


def _unanswered(output: Iterable[dict[str, Any]], offered: frozenset[str]) -> Iterator[dict[str, Any]]:
    """Yield outputs for calls of custom tools that the request's own options offer: our side can't run those tools.

    A custom call of another tool has no output, since the provider ran it itself (xAI's search).
    """
    for item in output:
        if item.get("type") == "custom_tool_call" and item.get("name") in offered:
            yield {"type": "custom_tool_call_output", "call_id": item.get("call_id"), "output": UNANSWERED}


def _custom_tools(options: Mapping[str, Any]) -> frozenset[str]:
    tools = (tool for tool in options.get("tools") or () if isinstance(tool, Mapping))
    return frozenset(str(tool.get("name")) for tool in tools if tool.get("type") == "custom")


def _is_reference(item: dict[str, Any]) -> bool:
    """Return whether an item is reasoning without content: only a provider that stored it can find it by its id."""
    return item.get("type") == "reasoning" and not item.get("encrypted_content")


def _call(call: ToolCall) -> dict[str, Any]:
    arguments = call.arguments if call.arguments.strip() else "{}"
    return {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments}
