"""The fields of a Responses event that we read, and the texts in an output item.

One open struct and no union by type: the API grows event types, and proxies add their own.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from agents.core.deltas import ReasoningDelta, RefusalDelta, TextDelta
from agents.llm.text import TextKind

DELTAS: dict[str, TextKind] = {
    "response.output_text.delta": TextDelta,
    "response.refusal.delta": RefusalDelta,
    "response.reasoning_text.delta": ReasoningDelta,
    "response.reasoning_summary_text.delta": ReasoningDelta,
}

_KIND_OF_PART: dict[Any, TextKind] = {
    "output_text": TextDelta,
    "text": TextDelta,
    "refusal": RefusalDelta,
    "reasoning_text": ReasoningDelta,
    "summary_text": ReasoningDelta,
}


class Event(Struct, gc=False):
    """One event's data; `type` in it is the truth, not the event's name. item and response are plain JSON."""

    type: str = ""
    delta: Any = None
    output_index: int | None = None
    content_index: int | None = None
    summary_index: int | None = None
    item_id: Any = None
    arguments: Any = None
    item: Any = None
    response: Any = None
    error: Any = None


class _Numbered(Struct, gc=False):
    sequence_number: int | None = None


_decode_number = msgspec.json.Decoder(_Numbered).decode


def number_of(payload: bytes) -> int | None:
    """An event's sequence number, if it has one."""
    try:
        return _decode_number(payload).sequence_number
    except (ValueError, RecursionError):
        return None


def event_of(value: Any) -> Event:
    """An event of any JSON value; what has no meaning there is left out."""
    if not isinstance(value, dict):
        return Event()
    fields: dict[str, Any] = {name: value.get(name) for name in Event.__struct_fields__}
    for name in ("output_index", "content_index", "summary_index"):
        fields[name] = fields[name] if isinstance(fields[name], int) else None
    fields["type"] = fields["type"] if isinstance(fields["type"], str) else ""
    return Event(**fields)


def texts_of(item: dict[str, Any]) -> Iterator[tuple[TextKind, str]]:
    """The parts of a message or reasoning item that are text, in order, each with its kind."""
    for part in [*items_of(item.get("summary")), *items_of(item.get("content"))]:
        kind = _KIND_OF_PART.get(part.get("type"))
        text = part.get("refusal" if kind is RefusalDelta else "text")
        if kind is not None and isinstance(text, str) and text:
            yield kind, text


def items_of(value: Any) -> list[dict[str, Any]]:
    """The objects in a list, or nothing."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
