"""The documented form of a model's stream events, as deltas. Source: API reference, stream_event().

{"type": "content_delta", "data": "Hello"}                        also "content"
{"type": "tool_call_start", "index": 0, "data": {"id": "call_1", "function": {"name": "search"}}}
{"type": "tool_call_delta", "index": 0, "data": "{\\"query\\""}
{"type": "tool_call_complete", "index": 0, "data": "{\\"query\\": \\"x\\"}"}    data: the whole arguments, or nothing
{"type": "stream_done", "data": "stop"}                           data: the finish reason, or nothing
{"type": "error", "data": "what went wrong"}                      data: text or a fault of core/errors.py

Each may have "metadata", a mapping: `metadata_of` reads it, and the accumulator keeps it.
"""

from collections.abc import Mapping
from typing import Any

from agents.core.accumulator import Accumulator, PartialCall, joined
from agents.core.deltas import CallDelta, CallDone, CallStarted, Delta, Failed, Finished, TextDelta
from agents.core.errors import ApiError, StreamFault
from agents.core.finish import CUT, broken_off, fault_of, reason_of

TYPES = "content_delta, tool_call_start, tool_call_delta, tool_call_complete, stream_done or error"


def deltas_of(event: Delta | Mapping[str, Any], accumulator: Accumulator) -> tuple[Delta, ...]:
    """The deltas that the event stands for, after all that the accumulator holds.

    More than one where a mapping says less than an adapter would: the arguments that only tool_call_complete has, and
    the end of the calls that nobody ended before stream_done. None where it says nothing: an empty piece.
    Raises ValueError for what is no stream event, or does not fit its call.
    """
    delta = _delta(event) if isinstance(event, Mapping) else event
    if not isinstance(delta, Delta):
        raise ValueError(f"expected a delta or a mapping as a stream event, got {event!r}")  # noqa: TRY004 (as below)
    if accumulator.end is not None:
        return (delta,)
    match delta:
        case CallStarted(index) if any(call.index == index for call in accumulator.calls):
            raise ValueError(f"expected every call to start once, got the start of call {index} again")
        case CallDelta(index, piece):
            _open_call(accumulator, index)
            return (delta,) if piece else ()
        case TextDelta(""):
            return ()
        case CallDone(index):
            return _ended(_open_call(accumulator, index), delta)
        case Finished(complete=True):
            still_open = (call for call in accumulator.calls if not call.done)
            return (*(CallDone(call.index, joined(call.arguments)) for call in still_open), delta)
    return (delta,)


def metadata_of(event: Delta | Mapping[str, Any]) -> Mapping[str, Any]:
    """The event's metadata, empty if it has none. Raises ValueError if its metadata is not a mapping."""
    metadata = event.get("metadata") if isinstance(event, Mapping) else None
    match metadata:
        case None:
            return {}
        case Mapping():
            return metadata
    raise ValueError(f"expected a mapping as metadata of a stream event, got {metadata!r}")


def _delta(event: Mapping[str, Any]) -> Delta:
    data, index = event.get("data"), event.get("index")
    index = 0 if index is None else index
    match event.get("type"), data, None if isinstance(index, bool) else index:
        case "content" | "content_delta", str(), _:
            return TextDelta(data)
        case "tool_call_start", {"id": str(id_), "function": {"name": str(name)}}, int() if id_ and name:
            return CallStarted(index, id_, name)
        case "tool_call_delta", str(), int():
            return CallDelta(index, data)
        case "tool_call_complete", str() | None, int():
            return CallDone(index, data or "")
        case "stream_done", str() | None, _:
            return _finished(data)
        case "error", StreamFault(), _:
            return Failed(data)  # type: ignore[arg-type]  # every StreamFault is a Fault
        case "error", _, _:
            return Failed(ApiError(0, "the stream ended with an error" if data is None else str(data)))
    raise ValueError(f"expected a stream event of type {TYPES}, got {dict(event)!r}")


def _finished(word: str | None) -> Finished | Failed:
    """A provider's own word is kept; of an answer that was cut no call may be run."""
    if word is not None and broken_off(word):
        return Failed(fault_of(word))
    reason = reason_of(word)
    return Finished(reason, word, complete=reason not in CUT)


def _ended(call: PartialCall, end: CallDone) -> tuple[Delta, ...]:
    """The end of a call, and before it the arguments that had not come as deltas. Empty ones say nothing new."""
    had = joined(call.arguments)
    whole = end.arguments or had
    if not whole.startswith(had):
        raise ValueError(f"expected arguments of call {call.index} that begin with its deltas, {had!r}")
    end = CallDone(call.index, whole, end.extra)
    return (end,) if whole == had else (CallDelta(call.index, whole[len(had) :]), end)


def _open_call(accumulator: Accumulator, index: int) -> PartialCall:
    for call in accumulator.calls:
        if call.index == index and not call.done:
            return call
    raise ValueError(f"expected the index of a call that is open, got {index}")
