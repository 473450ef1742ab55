"""Events as clients read them: their names and their data. Source: API reference, "Web Handler Integration".

SSE         id: 7                                      WebSocket    {"type": "token", "data": "Hello",
            event: token                                             "seq": 7, "stream_id": "..."}
            data: {"text": "Hello"}

`joined`, in the data of the one and beside the seq of the other, says that an event stands for several: the client was
behind, or came late.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from agents.contract.events import (
    ApprovalData,
    ArgumentsData,
    CutData,
    ExecutionData,
    FailureData,
    ResetData,
    StartData,
    TextData,
    ToolProgressData,
    ToolResultData,
    UsageData,
    WarningData,
)
from agents.core.backlog import pieces_in
from agents.core.errors import Timeout
from agents.core.events import (
    Event,
    StreamApprovalRequired,
    StreamComplete,
    StreamError,
    StreamFunctionArgumentsDelta,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamFunctionExecutionStart,
    StreamReasoning,
    StreamReset,
    StreamStart,
    StreamToken,
    StreamToolProgress,
    StreamToolResult,
    StreamUsage,
    StreamWarning,
)
from agents.core.text import to_json

NAMES: Final[dict[type[Any], str]] = {
    StreamStart: "start",
    StreamToken: "token",
    StreamReasoning: "reasoning",
    StreamFunctionCallStarted: "function_start",
    StreamFunctionArgumentsDelta: "function_arguments",
    StreamFunctionCallComplete: "function_complete",
    StreamFunctionExecutionStart: "execution_start",
    StreamToolResult: "tool_result",
    StreamToolProgress: "tool_progress",
    StreamApprovalRequired: "approval_required",
    StreamReset: "reset",
    StreamWarning: "warning",
    StreamUsage: "usage",
    StreamComplete: "complete",
    StreamError: "error",
}

FAILED: Final = "failed"
HEARTBEAT: Final = b":\n\n"

_json = msgspec.json.Encoder().encode


def name_of(event: Event) -> str:
    """The documented word of the event: a stream that ended by a deadline says `timeout`."""
    if type(event) is StreamError and isinstance(event.reason, Timeout):
        return "timeout"
    return NAMES[type(event)]


def data_of(event: Event) -> Any:
    """The event's data, in the shape that contract.events.DATA has for its name."""
    match event:
        case StreamStart(agent_id):
            return StartData(agent_id, event.stream_id)
        case StreamToken(text) | StreamReasoning(text):
            return TextData(text)
        case StreamFunctionArgumentsDelta(index, delta):
            return ArgumentsData(index, delta)
        case StreamFunctionCallStarted(call) | StreamFunctionCallComplete(call):
            return call
        case StreamFunctionExecutionStart():
            return ExecutionData()
        case StreamToolResult(call, result):
            return ToolResultData(call, result)
        case StreamToolProgress(call, data):
            return ToolProgressData(call, data)
        case StreamApprovalRequired(call, timeout_s):
            return ApprovalData(call, timeout_s)
        case StreamReset(reason, content):
            return ResetData(reason, str(reason), content, event.attempt)
        case StreamWarning(reason):
            return WarningData(reason, str(reason))
        case StreamUsage(usage, cost):
            return UsageData(usage, cost)
        case StreamComplete(response):
            return response
        case StreamError(reason, content, metrics, response):
            return FailureData(reason, str(reason), content, metrics, response)


def frames(events: Sequence[Event]) -> bytes:
    """Server-sent events. The token path: a token is one format and one encoding of its text."""
    json = _json
    try:
        return b"".join(
            [
                b'id: %d\nevent: token\ndata: {"text":%b}\n\n' % (event.seq, json(event.token))
                if type(event) is StreamToken and event.joined == 1
                else _frame(event)
                for event in events
            ]
        )
    except UnicodeEncodeError:  # a token that is not text
        return b"".join(map(_frame, events))


def frames_without_error(events: Iterable[Event]) -> bytes:
    """The same, with `failed` as the name of the event that ends a failed turn: `error` is also the name of the event
    by which EventSource reports that its connection broke."""
    *others, last = events
    return frames(others) + (_frame(last, FAILED) if type(last) is StreamError else frames((last,)))


def _frame(event: Event, name: str = "") -> bytes:
    data = data_of(event)
    if (joined := pieces_in(event)) > 1:
        data = replace(data, joined=joined)
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.seq, (name or name_of(event)).encode(), to_json(data))


def message(event: Event) -> str:
    """A WebSocket message. Of a text the data is the text itself."""
    if type(event) is StreamToken and event.joined == 1:
        said_by = (to_json(event.token), event.seq, to_json(event.stream_id))
        return (b'{"type":"token","data":%b,"seq":%d,"stream_id":%b}' % said_by).decode()
    said: dict[str, Any] = {"type": name_of(event), "data": data_of(event)}
    if isinstance(event, StreamToken | StreamReasoning):
        said["data"] = said["data"].text
    if (joined := pieces_in(event)) > 1:
        said["joined"] = joined
    said["seq"] = event.seq
    said["stream_id"] = event.stream_id
    return to_json(said).decode()


def cut_frame(data: CutData) -> bytes:
    """An event that is not the stream's: it has no id, so the client's last one stays."""
    return b"event: cut\ndata: %b\n\n" % to_json(data)
