"""A stream as plain data that two runs have in common."""

import re
from bisect import insort
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from agents.core.backlog import backlog
from agents.core.conversation import ToolCall
from agents.core.errors import StreamFault
from agents.core.events import Event, StreamApprovalRequired, StreamToolProgress, StreamToolResult, StreamToolStart

VARYING: Final = frozenset(
    {"stream_id", "agent_id", "seq", "joined", "at", "metrics", "elapsed_s", "retry_after_s", "request_id"}
)
"""The fields whose values two runs of one test do not have in common."""

OF_CALLS: Final = (StreamApprovalRequired, StreamToolStart, StreamToolProgress, StreamToolResult)
"""The events of calls that run at the same time, in any order."""

_ADDRESS: Final = re.compile(r"\b(?:127\.0\.0\.1|localhost|\[::1\]):\d+")


def snapshot(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Return the events as plain data for a comparison. Two runs with the same behaviour have equal snapshots.

    Left out are ids of streams and agents, times, metrics, and fields with their default. Neighbouring pieces of one
    text are joined. The ids of calls become call_1, call_2 ... Events of parallel calls are in the order of the calls.
    Ports of loopback addresses in the text of faults become PORT.
    """
    calls = _Calls()
    whole = list(backlog(events))
    for event in whole:
        calls.note(event)
    return [_plain(event, calls) for event in _in_order(whole, calls)]


class _Calls:
    """The ids of the calls of a stream, in the order of their first appearance."""

    def __init__(self) -> None:
        self._ids: list[str] = []

    def note(self, event: Event) -> None:
        call = getattr(event, "function_call", None) or getattr(event, "tool_call", None)
        if call is not None and call.id not in self._ids:
            self._ids.append(call.id)

    def place(self, call: ToolCall) -> int:
        return self._ids.index(call.id) if call.id in self._ids else len(self._ids)

    def name(self, call: ToolCall) -> str:
        return f"call_{self.place(call) + 1}"


def _in_order(events: Iterable[Event], calls: _Calls) -> Iterator[Event]:
    """Yield the events, those of parallel calls in the order of the calls."""
    parallel: list[StreamApprovalRequired | StreamToolStart | StreamToolProgress | StreamToolResult] = []
    for event in events:
        if isinstance(event, OF_CALLS):
            insort(parallel, event, key=lambda each: calls.place(each.tool_call))
            continue
        yield from parallel
        parallel = []
        yield event
    yield from parallel


def _plain(value: Any, calls: _Calls) -> Any:
    match value:
        case ToolCall():
            return {"id": calls.name(value), "name": value.name, "arguments": value.arguments}
        case Struct():
            return _tag(value) | _of_fields(value, calls)
        case tuple() | list():
            return [_plain(item, calls) for item in value]
        case _:
            return msgspec.to_builtins(value)


def _of_fields(value: Struct, calls: _Calls) -> dict[str, Any]:
    found = {field.name: (getattr(value, field.name), field.default) for field in fields(value)}
    plain = {
        name: _plain(had, calls) for name, (had, default) in found.items() if name not in VARYING and had != default
    }
    if isinstance(value, StreamFault):
        return {name: _without_ports(text) if isinstance(text, str) else text for name, text in plain.items()}
    return plain


def _tag(value: Struct) -> dict[str, Any]:
    config = value.__struct_config__
    return {} if config.tag_field is None else {config.tag_field: config.tag}


def _without_ports(text: str) -> str:
    return _ADDRESS.sub(lambda found: f"{found[0].rpartition(':')[0]}:PORT", text)
