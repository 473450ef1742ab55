"""Events on the wire, in both directions: their names, and their data in the shapes of agents/contract/events.py.

The gateway writes with this table and the client reads with it. Each row has an event's class, its documented name, the
shape of its data, the function from event to data, and the one from data to the event's own fields.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import astuple, replace

from agents.contract.events import (
    ApprovalData,
    ArgumentsData,
    CallData,
    CompactedData,
    CompleteData,
    CutData,
    DecidedData,
    EventData,
    ExecutionData,
    FailureData,
    HandoffData,
    ResetData,
    StartData,
    SubAgentData,
    TextData,
    ToolProgressData,
    ToolResultData,
    ToolStartData,
    UsageData,
    WarningData,
)
from agents.contract.tagged import tagged, union
from agents.core.backlog import pieces_in
from agents.core.conversation import ToolCall
from agents.core.errors import Timeout
from agents.core.event_base import StreamEvent
from agents.core.events import (
    Event,
    StreamApprovalDecided,
    StreamApprovalRequired,
    StreamCompacted,
    StreamComplete,
    StreamError,
    StreamFunctionArgumentsDelta,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamFunctionExecutionStart,
    StreamHandoff,
    StreamReasoning,
    StreamReset,
    StreamStart,
    StreamSubAgent,
    StreamToken,
    StreamToolProgress,
    StreamToolResult,
    StreamToolStart,
    StreamUsage,
    StreamWarning,
)
from agents.core.response import Response

E = TypeVar("E")
D = TypeVar("D")


class Codec(Struct, frozen=True):
    """The row of an event. write: event -> data. read: data -> the event's own fields, in their order."""

    event: type[Any]
    name: str
    data: type[Any]
    write: Callable[[Any], Any]
    read: Callable[[Any], tuple[Any, ...]]


def codec(
    event: type[E], name: str, data: type[D], write: Callable[[E], D], read: Callable[[D], tuple[Any, ...]]
) -> Codec:
    """Return a row. The type checker holds write and read against the event's class and its data's shape."""
    return Codec(event, name, data, write, read)


def _pieces(data: TextData | ArgumentsData) -> int:
    return 1 if data.joined is UNSET else data.joined


def _call(data: CallData) -> tuple[ToolCall]:
    return (ToolCall(*astuple(data)[:-2]),)


def _own(event: StreamEvent) -> tuple[Any, ...]:
    """Return the event's own fields, which its data has, too."""
    return astuple(event)[: -len(StreamEvent.__struct_fields__)]


def _fields(data: EventData) -> tuple[Any, ...]:
    return astuple(data)[: -len(EventData.__struct_fields__)]


CODECS: Final = (
    codec(
        StreamStart,
        "start",
        StartData,
        lambda e: StartData(e.agent_id, e.stream_id, UNSET if e.speaker is None else e.speaker),
        lambda d: (d.agent_id, None if d.speaker is UNSET else d.speaker),
    ),
    codec(StreamToken, "token", TextData, lambda e: TextData(e.token), lambda d: (d.text, _pieces(d))),
    codec(StreamReasoning, "reasoning", TextData, lambda e: TextData(e.text), lambda d: (d.text, _pieces(d))),
    codec(StreamFunctionCallStarted, "function_start", CallData, lambda e: CallData(*astuple(e.function_call)), _call),
    codec(
        StreamFunctionArgumentsDelta,
        "function_arguments",
        ArgumentsData,
        lambda e: ArgumentsData(e.index, e.delta),
        lambda d: (d.index, d.delta, _pieces(d)),
    ),
    codec(
        StreamFunctionCallComplete, "function_complete", CallData, lambda e: CallData(*astuple(e.function_call)), _call
    ),
    codec(StreamFunctionExecutionStart, "execution_start", ExecutionData, lambda _: ExecutionData(), lambda _: ()),
    codec(StreamToolStart, "tool_start", ToolStartData, lambda e: ToolStartData(*_own(e)), _fields),
    codec(StreamToolResult, "tool_result", ToolResultData, lambda e: ToolResultData(*_own(e)), _fields),
    codec(StreamToolProgress, "tool_progress", ToolProgressData, lambda e: ToolProgressData(*_own(e)), _fields),
    codec(StreamApprovalRequired, "approval_required", ApprovalData, lambda e: ApprovalData(*_own(e)), _fields),
    codec(StreamApprovalDecided, "approval_decided", DecidedData, lambda e: DecidedData(*_own(e)), _fields),
    codec(StreamHandoff, "handoff", HandoffData, lambda e: HandoffData(e.speaker), lambda d: (d.speaker,)),
    codec(
        StreamReset,
        "reset",
        ResetData,
        lambda e: ResetData(e.reason, str(e.reason), e.content, e.attempt),
        lambda d: (d.error, d.content),
    ),
    codec(
        StreamCompacted,
        "compacted",
        CompactedData,
        lambda e: CompactedData(e.before, e.after, e.messages, e.results, e.summary, e.fault),
        lambda d: (d.before, d.after, d.messages, d.results, d.summary, d.error),
    ),
    codec(StreamWarning, "warning", WarningData, lambda e: WarningData(e.reason, str(e.reason)), lambda d: (d.error,)),
    codec(
        StreamUsage,
        "usage",
        UsageData,
        lambda e: UsageData(e.usage, e.cost, e.session_tokens, e.session_cost),
        lambda d: (d.usage, d.cost, d.session_tokens, d.session_cost),
    ),
    codec(
        StreamComplete,
        "complete",
        CompleteData,
        lambda e: CompleteData(*astuple(e.response)),
        lambda d: (Response(*astuple(d)[:-2]),),
    ),
    codec(
        StreamError,
        "error",
        FailureData,
        lambda e: FailureData(e.reason, str(e.reason), e.content, e.metrics, e.response),
        lambda d: (d.error, d.content, d.metrics, d.response),
    ),
    codec(
        StreamSubAgent,
        "sub_agent",
        SubAgentData,
        lambda e: SubAgentData(e.path, e.event.stream_id, e.event.seq, name_of(e.event), data_of(e.event)),
        lambda d: (d.path, _shaped(d.event, d.data, d.stream_id, d.seq)),
    ),
)

TIMEOUT: Final = "timeout"
"""The name of a StreamError whose reason is a deadline."""
FAILED: Final = "failed"
"""The name of a StreamError for a client that asks for it instead of `error` and `timeout`."""

_BY_EVENT: Final[Mapping[type[Any], Codec]] = {each.event: each for each in CODECS}
_BY_NAME: Final[Mapping[str, Codec]] = {each.name: each for each in CODECS} | dict.fromkeys(
    (TIMEOUT, FAILED), _BY_EVENT[StreamError]
)

DATA: Final[dict[str, Any]] = {name: each.data for name, each in _BY_NAME.items()}
"""The shapes of the data by the events' names."""

StreamEvents: Final = union(
    *(tagged(name, "Event", "event", ("id", int), ("data", data)) for name, data in DATA.items()),
    tagged("cut", "Event", "event", ("data", CutData)),
)
"""A server-sent event of a stream: its name, its data, its seq as its id. `cut` does not belong to the stream and has
no id."""


def name_of(event: Event) -> str:
    """Return the event's documented name; that of a stream that a deadline ended is `timeout`."""
    if type(event) is StreamError and isinstance(event.reason, Timeout):
        return TIMEOUT
    return _BY_EVENT[type(event)].name


def bare_data_of(event: Event) -> Any:
    """Return the event's data without `at`, `joined` and `attempt`."""
    return _BY_EVENT[type(event)].write(event)


def envelope_of(event: Event) -> dict[str, float]:
    """Return `at` if it is known, and `joined` and `attempt`, each only where it is above 1."""
    at = {} if event.at is None else {"at": event.at}
    counts = {"joined": pieces_in(event), "attempt": event.attempt}
    return at | {name: count for name, count in counts.items() if count > 1}


def data_of(event: Event) -> Any:
    """Return the event's data, in the shape that DATA has for its name."""
    return replace(bare_data_of(event), **envelope_of(event))


def event_of(name: str, data: bytes, stream_id: str, seq: int) -> Event | None:
    """Return the event with this name and JSON data; None for a name that this version does not know."""
    row = _BY_NAME.get(name)
    if row is None:
        return None
    return _read(row, msgspec.json.decode(data, type=row.data), stream_id, seq)


def _shaped(name: str, data: Any, stream_id: str, seq: int) -> Any:
    """Return the event with this name and data of the JSON types.

    Raises msgspec.ValidationError for an unknown name.
    """
    row = _BY_NAME.get(name)
    if row is None:
        raise msgspec.ValidationError(f"expected the name of an event, got {name!r}")
    return _read(row, msgspec.convert(data, row.data), stream_id, seq)


def _read(row: Codec, shaped: Any, stream_id: str, seq: int) -> Event:
    attempt = 1 if shaped.attempt is UNSET else shaped.attempt
    at = None if shaped.at is UNSET else shaped.at
    event: Event = row.event(*row.read(shaped), stream_id=stream_id, seq=seq, attempt=attempt, at=at)
    return event
