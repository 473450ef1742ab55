"""The documented form of a model's stream events, as deltas. Source: API reference, stream_event().

{"type": "content_delta", "data": "Hello"}                        also "content"
{"type": "tool_call_start", "index": 0, "data": {"id": "call_1", "function": {"name": "search"}}}
{"type": "tool_call_delta", "index": 0, "data": "{\\"query\\""}
{"type": "tool_call_complete", "index": 0, "data": "{\\"query\\": \\"x\\"}"}
{"type": "stream_done", "data": "stop"}                           data: the finish reason, or nothing
{"type": "error", "data": "what went wrong"}                      data: text or a fault of core/errors.py
"""

from collections.abc import Mapping
from typing import Any

from agents.core.deltas import CallDelta, CallDone, CallStarted, Delta, Failed, Finished, FinishReason, TextDelta
from agents.core.errors import ApiError, StreamFault

TYPES = "content_delta, tool_call_start, tool_call_delta, tool_call_complete, stream_done or error"


def delta_of(event: Delta | Mapping[str, Any]) -> Delta:
    """The delta that the event stands for. Raises ValueError for a mapping that is no stream event."""
    if not isinstance(event, Mapping):
        return event
    data, index = event.get("data"), event.get("index") or 0
    match event.get("type"), data:
        case "content" | "content_delta", str():
            return TextDelta(data)
        case "tool_call_start", {"id": str(id_), "function": {"name": str(name)}}:
            return CallStarted(index, id_, name)
        case "tool_call_delta", str():
            return CallDelta(index, data)
        case "tool_call_complete", str():
            return CallDone(index, data)
        case "stream_done", _:
            return Finished(FinishReason(data) if data else None)
        case "error", StreamFault():
            return Failed(data)  # type: ignore[arg-type]  # every StreamFault is a Fault
        case "error", _:
            return Failed(ApiError(0, str(data)))
    raise ValueError(f"expected a stream event of type {TYPES}, got {dict(event)!r}")
