"""The application: agents, streams, tools, the command line.

This package exports the names that programs use most: the events of a stream, the reasons of a stream_error, and
`tool`. Worker processes and `understudy --help` import this package, so slow modules are loaded at their first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from agents.core.errors import (
    ApiError,
    Busy,
    Cancelled,
    CircuitOpen,
    ConnectionClosed,
    Fault,
    HandlerCrashed,
    Interrupted,
    InvalidAnswer,
    LimitReached,
    NetworkError,
    Parked,
    ParseError,
    StoreFailed,
    Timeout,
    ToolError,
)
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
    StreamToolStart,
    StreamUsage,
    StreamWarning,
    ToolResult,
)

if TYPE_CHECKING:
    from agents.tools.approval import AlreadyDecided, Decided, NotAsked, OtherArguments
    from agents.tools.progress import progress
    from agents.tools.signature import Bound
    from agents.tools.tool import Tool, tool

__all__ = [
    "AlreadyDecided",
    "ApiError",
    "Bound",
    "Busy",
    "Cancelled",
    "CircuitOpen",
    "ConnectionClosed",
    "Decided",
    "Event",
    "Fault",
    "HandlerCrashed",
    "Interrupted",
    "InvalidAnswer",
    "LimitReached",
    "NetworkError",
    "NotAsked",
    "OtherArguments",
    "Parked",
    "ParseError",
    "Response",
    "StoreFailed",
    "StreamApprovalRequired",
    "StreamComplete",
    "StreamError",
    "StreamFunctionArgumentsDelta",
    "StreamFunctionCallComplete",
    "StreamFunctionCallStarted",
    "StreamFunctionExecutionStart",
    "StreamMetrics",
    "StreamReasoning",
    "StreamReset",
    "StreamStart",
    "StreamToken",
    "StreamToolProgress",
    "StreamToolResult",
    "StreamToolStart",
    "StreamUsage",
    "StreamWarning",
    "Timeout",
    "Tool",
    "ToolError",
    "ToolResult",
    "progress",
    "tool",
]

_LATE = {
    "AlreadyDecided": "agents.tools.approval",
    "Bound": "agents.tools.signature",
    "Decided": "agents.tools.approval",
    "NotAsked": "agents.tools.approval",
    "OtherArguments": "agents.tools.approval",
    "Tool": "agents.tools.tool",
    "progress": "agents.tools.progress",
    "tool": "agents.tools.tool",
}


def __getattr__(name: str) -> Any:
    """Return an export whose module imports pydantic."""
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATE[name]), name)
