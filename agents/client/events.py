"""Events as the gateway writes them, made into those that an agent publishes. The other way: agents/gateway/wire.py."""

from typing import Any

import msgspec

from agents.client.frames import Frame
from agents.contract.events import DATA
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


def event_of(frame: Frame, stream_id: str) -> Event | None:
    """None for a frame that is no event of a stream, or that this version does not know."""
    if frame.id is None or frame.name not in DATA:
        return None
    data = msgspec.json.decode(frame.data, type=DATA[frame.name])
    return _event(frame.name, data, {"stream_id": stream_id, "seq": frame.id})


def _event(name: str, data: Any, place: dict[str, Any]) -> Event | None:
    match name:
        case "token":
            return StreamToken(data.text, data.joined, **place)
        case "reasoning":
            return StreamReasoning(data.text, data.joined, **place)
        case "start":
            return StreamStart(data.agent_id, **place)
        case "usage":
            return StreamUsage(data.usage, data.cost, **place)
        case "reset":
            return StreamReset(data.error, data.content, attempt=data.attempt, **place)
        case "warning":
            return StreamWarning(data.error, **place)
        case "complete":
            return StreamComplete(data, **place)
        case "error" | "timeout" | "failed":
            return StreamError(data.error, data.content, data.metrics, data.response, **place)
        case _:
            return _of_calls(name, data, place)


def _of_calls(name: str, data: Any, place: dict[str, Any]) -> Event | None:
    match name:
        case "function_start":
            return StreamFunctionCallStarted(data, **place)
        case "function_arguments":
            return StreamFunctionArgumentsDelta(data.index, data.delta, data.joined, **place)
        case "function_complete":
            return StreamFunctionCallComplete(data, **place)
        case "execution_start":
            return StreamFunctionExecutionStart(**place)
        case "tool_result":
            return StreamToolResult(data.tool_call, data.result, **place)
        case "tool_progress":
            return StreamToolProgress(data.tool_call, data.data, **place)
        case "approval_required":
            return StreamApprovalRequired(data.tool_call, data.timeout_s, **place)
    return None
