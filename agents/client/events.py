"""Events as the gateway writes them, made into those that an agent publishes. The other way: agents/gateway/wire.py."""

from typing import Any

import msgspec

from agents.client.frames import Frame
from agents.core.conversation import ToolCall
from agents.core.deltas import Usage
from agents.core.errors import Fault
from agents.core.events import (
    Event,
    Response,
    StreamApprovalRequired,
    StreamComplete,
    StreamError,
    StreamFunctionArgumentsDelta,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamFunctionExecutionStart,
    StreamMetrics,
    StreamReasoning,
    StreamReset,
    StreamStart,
    StreamToken,
    StreamToolProgress,
    StreamToolResult,
    StreamUsage,
    ToolResult,
)


def event_of(frame: Frame, stream_id: str) -> Event | None:
    """None for what is no event of a stream, or one that this version does not know."""
    if frame.id is None:
        return None
    return _event(frame.name, msgspec.json.decode(frame.data), {"stream_id": stream_id, "seq": frame.id})


def _event(name: str, data: Any, place: dict[str, Any]) -> Event | None:
    match name:
        case "token":
            return StreamToken(data["text"], data.get("joined", 1), **place)
        case "reasoning":
            return StreamReasoning(data["text"], data.get("joined", 1), **place)
        case "start":
            return StreamStart(data["agent_id"], **place)
        case "usage":
            return StreamUsage(msgspec.convert(data["usage"], Usage), data["cost"], **place)
        case "reset":
            place["attempt"] = data["attempt"]
            return StreamReset(_fault(data["error"]), data["content"], **place)
        case "complete":
            return StreamComplete(msgspec.convert(data, Response), **place)
        case "error" | "timeout":
            metrics = msgspec.convert(data["metrics"], StreamMetrics | None)
            response = msgspec.convert(data.get("response"), Response | None)
            return StreamError(_fault(data["error"]), data["content"], metrics, response, **place)
        case _:
            return _of_calls(name, data, place)


def _of_calls(name: str, data: Any, place: dict[str, Any]) -> Event | None:
    match name:
        case "function_start":
            return StreamFunctionCallStarted(_call(data), **place)
        case "function_arguments":
            return StreamFunctionArgumentsDelta(data["index"], data["delta"], data.get("joined", 1), **place)
        case "function_complete":
            return StreamFunctionCallComplete(_call(data), **place)
        case "execution_start":
            return StreamFunctionExecutionStart(**place)
        case "tool_result":
            result = msgspec.convert(data["result"], ToolResult)
            return StreamToolResult(_call(data["tool_call"]), result, **place)
        case "tool_progress":
            return StreamToolProgress(_call(data["tool_call"]), data["data"], **place)
        case "approval_required":
            return StreamApprovalRequired(_call(data["tool_call"]), data["timeout_s"], **place)
    return None


def _call(data: Any) -> ToolCall:
    return msgspec.convert(data, ToolCall)


def _fault(data: Any) -> Fault:
    fault: Fault = msgspec.convert(data, Fault)
    return fault
