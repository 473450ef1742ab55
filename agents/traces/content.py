"""Messages in the form of OpenTelemetry's conventions for GenAI: JSON texts, since an attribute has no nested values.

An image, a sound or a file is its hash, never its bytes.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents.core.conversation import (
    AssistantMessage,
    Conversation,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
)
from agents.core.parts import Content, TextPart
from agents.core.text import joined_surrogates, to_json


def messages_json(messages: Conversation, finish_reason: str | None = None) -> str:
    """Return messages except those of the system. finish_reason: of an output."""
    more = {} if finish_reason is None else {"finish_reason": finish_reason}
    return json_text(
        [
            {"role": _role(message), "parts": [*_parts(message)], **more}
            for message in messages
            if not isinstance(message, SystemMessage)
        ]
    )


def instructions_json(messages: Conversation) -> str | None:
    """Return the messages of the system; None if there are none."""
    texts = [message.content for message in messages if isinstance(message, SystemMessage)]
    return json_text([{"type": "text", "content": text} for text in texts]) if texts else None


def tools_json(tools: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the definitions of tools; None if there are none."""
    return json_text([{"type": "function", **tool} for tool in tools]) if tools else None


def json_text(data: Any) -> str:
    return to_json(data).decode()


def clean(text: str) -> str:
    """Return the text in a form that OTLP can carry, which has no halves of surrogate pairs."""
    return joined_surrogates(text)


def _role(message: Message) -> str:
    return str(message.__struct_config__.tag)


def _parts(message: Message) -> Iterator[dict[str, Any]]:
    match message:
        case ToolMessage(tool_call_id, _, content):
            response = content if isinstance(content, str) else [*_content(content)]
            yield {"type": "tool_call_response", "id": tool_call_id, "response": response}
        case AssistantMessage(content, calls, reasoning):
            yield from [{"type": "reasoning", "content": reasoning}] if reasoning else []
            yield from _content(content)
            yield from map(_call, calls)
        case _:
            yield from _content(message.content)


def _content(content: Content) -> Iterator[dict[str, Any]]:
    for part in (TextPart(content),) if isinstance(content, str) else content:
        if not isinstance(part, TextPart):
            yield {"type": "file", "modality": part.kind, "mime_type": part.media_type, "file_id": part.sha256}
        elif part.text:
            yield {"type": "text", "content": part.text}


def _call(call: ToolCall) -> dict[str, Any]:
    return {"type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments}
