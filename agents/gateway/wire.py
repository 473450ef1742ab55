"""Events as clients read them: their names and their data. Source: API reference, "Web Handler Integration".

SSE         id: 7                                      WebSocket    {"type": "token", "data": "Hello",
            event: token                                             "seq": 7, "stream_id": "..."}
            data: {"text": "Hello"}

`joined`, in the data of the one and beside the seq of the other, says that an event stands for several: the client was
behind, or came late.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

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
)

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
    StreamUsage: "usage",
    StreamComplete: "complete",
    StreamError: "error",
}

HEARTBEAT: Final = b":\n\n"

_json = msgspec.json.Encoder().encode


def name_of(event: Event) -> str:
    """The documented word of the event: a stream that ended by a deadline says `timeout`."""
    if type(event) is StreamError and isinstance(event.reason, Timeout):
        return "timeout"
    return NAMES[type(event)]


def data_of(event: Event) -> Any:
    """What the event says, as JSON data."""
    match event:
        case StreamStart(agent_id):
            return {"agent_id": agent_id, "stream_id": event.stream_id}
        case StreamToken(text) | StreamReasoning(text):
            return {"text": text}
        case StreamFunctionArgumentsDelta(index, delta):
            return {"index": index, "delta": delta}
        case StreamFunctionCallStarted(call) | StreamFunctionCallComplete(call):
            return call
        case StreamFunctionExecutionStart():
            return {}
        case StreamToolResult(call, result):
            return {"tool_call": call, "result": result}
        case StreamToolProgress(call, data):
            return {"tool_call": call, "data": data}
        case StreamApprovalRequired(call, timeout_s):
            return {"tool_call": call, "timeout_s": timeout_s}
        case StreamReset(reason, content):
            return {"error": reason, "message": str(reason), "content": content, "attempt": event.attempt}
        case StreamUsage(usage, cost):
            return {"usage": usage, "cost": cost}
        case StreamComplete(response):
            return response
        case StreamError(reason, content, metrics, response):
            said = {"error": reason, "message": str(reason), "content": content, "metrics": metrics}
            return {**said, "response": response}


def frames(events: Iterable[Event]) -> bytes:
    """Server-sent events. The token path: a token is one format and one encoding of its text."""
    json = _json
    return b"".join(
        [
            b'id: %d\nevent: token\ndata: {"text":%b}\n\n' % (event.seq, json(event.token))
            if type(event) is StreamToken and event.joined == 1
            else _frame(event)
            for event in events
        ]
    )


def _frame(event: Event) -> bytes:
    data = data_of(event)
    if (joined := pieces_in(event)) > 1:
        data["joined"] = joined
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.seq, name_of(event).encode(), _json(data))


def message(event: Event) -> str:
    """A WebSocket message. Of a text the data is the text itself."""
    if type(event) is StreamToken and event.joined == 1:
        said_by = (_json(event.token), event.seq, _json(event.stream_id))
        return (b'{"type":"token","data":%b,"seq":%d,"stream_id":%b}' % said_by).decode()
    said: dict[str, Any] = {"type": name_of(event), "data": data_of(event)}
    if isinstance(event, StreamToken | StreamReasoning):
        said["data"] = said["data"]["text"]
    if (joined := pieces_in(event)) > 1:
        said["joined"] = joined
    said["seq"] = event.seq
    said["stream_id"] = event.stream_id
    return _json(said).decode()


def frame(name: str, data: Any) -> bytes:
    """A server-sent event that is none of a stream: it has no id, so the client's last one stays."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), _json(data))
