"""The fields of a Responses event that we read, and the texts in an output item.

One struct serves all event types, since the API gains types and proxies add their own.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from agents.core.deltas import ReasoningDelta, RefusalDelta, TextDelta
from agents.llm.leaf import key_of, text_in
from agents.llm.text import TextKind

DELTAS: dict[str, TextKind] = {
    "response.output_text.delta": TextDelta,
    "response.refusal.delta": RefusalDelta,
    "response.reasoning_text.delta": ReasoningDelta,
    "response.reasoning_summary_text.delta": ReasoningDelta,
    "response.reasoning.delta": ReasoningDelta,
}

DONE: dict[str, TextKind] = {
    "response.output_text.done": TextDelta,
    "response.refusal.done": RefusalDelta,
    "response.reasoning_text.done": ReasoningDelta,
    "response.reasoning_summary_text.done": ReasoningDelta,
}
PART_DONE = ("response.content_part.done", "response.reasoning_summary_part.done")

_KIND_OF_PART: dict[Any, TextKind] = {
    "output_text": TextDelta,
    "text": TextDelta,
    "refusal": RefusalDelta,
    "reasoning_text": ReasoningDelta,
    "summary_text": ReasoningDelta,
    "reasoning": ReasoningDelta,
    "thinking": ReasoningDelta,
}


class ResponsesEvent(Struct, gc=False):
    """One event's data. Its `type` counts, not the event's name. item and response are plain JSON.

    *_index: wire values; leaf.key_of reads them.
    """

    type: str = ""
    delta: Any = None
    output_index: Any = None
    content_index: Any = None
    summary_index: Any = None
    item_id: Any = None
    arguments: Any = None
    item: Any = None
    response: Any = None
    error: Any = None


class _Numbered(Struct, gc=False):
    sequence_number: Any = None


_decode_number = msgspec.json.Decoder(_Numbered).decode


def number_of(payload: bytes) -> int | None:
    """Return an event's sequence number, or None."""
    try:
        number = key_of(_decode_number(payload).sequence_number)
        return number if isinstance(number, int) else None
    except (ValueError, RecursionError):
        return None


def event_of(value: Any) -> ResponsesEvent:
    """Return an event from any JSON value. Meaningless parts are left out."""
    if not isinstance(value, dict):
        return ResponsesEvent()
    fields: dict[str, Any] = {name: value.get(name) for name in ResponsesEvent.__struct_fields__}
    fields["type"] = fields["type"] if isinstance(fields["type"], str) else ""
    return ResponsesEvent(**fields)


def texts_of(item: dict[str, Any]) -> Iterator[tuple[TextKind, str]]:
    """Yield the text parts of a message or reasoning item in order, each with its kind."""
    is_reasoning = item.get("type") == "reasoning"
    for field in (item.get("summary"), item.get("content")):
        if isinstance(field, str) and field and (is_reasoning or field is item.get("content")):
            yield (ReasoningDelta if is_reasoning else TextDelta), field
        for part in items_of(field):
            if (found := _text_of_part(part, is_reasoning=is_reasoning)) is not None:
                yield found


def done_text_of(event: dict[str, Any]) -> tuple[TextKind, str] | None:
    """Return the whole text of a part from an event of a type in DONE or PART_DONE."""
    part = event.get("part")
    if isinstance(part, dict):
        return _text_of_part(part, is_reasoning=event.get("type") == PART_DONE[1])
    kind = DONE.get(event.get("type") or "")
    text = event.get("refusal" if kind is RefusalDelta else "text")
    return (kind, text) if kind is not None and isinstance(text, str) and text else None


def _text_of_part(part: dict[str, Any], *, is_reasoning: bool) -> tuple[TextKind, str] | None:
    kind = _KIND_OF_PART.get(part.get("type"))
    if kind is TextDelta and is_reasoning:
        kind = ReasoningDelta
    text = part.get("refusal") if kind is RefusalDelta else text_in(part)
    return (kind, text) if kind is not None and isinstance(text, str) and text else None


def items_of(value: Any) -> list[dict[str, Any]]:
    """Return the objects in a list. Any other value has none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
