"""The application: agents, streams, tools, the command line.

What a host's code names most is exported here: the events of a stream, the reasons of a stream_error, `tool`. A tool's
worker process and `understudy --help` import this package, so what takes long to load is loaded when it is named.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from agents.core.errors import (
    ApiError,
    Cancelled,
    CircuitOpen,
    ConnectionClosed,
    Fault,
    HandlerCrashed,
    LimitReached,
    NetworkError,
    ParseError,
    Timeout,
    ToolError,
)
from agents.core.events import (
    Event,
    Response,
    StreamComplete,
    StreamError,
    StreamFunctionArgumentsDelta,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamFunctionExecutionStart,
    StreamMetrics,
    StreamReasoning,
    StreamStart,
    StreamToken,
    StreamToolResult,
    ToolResult,
)

if TYPE_CHECKING:
    from agents.tools.signature import Bound
    from agents.tools.tool import Tool, tool

__all__ = [
    "ApiError",
    "Bound",
    "Cancelled",
    "CircuitOpen",
    "ConnectionClosed",
    "Event",
    "Fault",
    "HandlerCrashed",
    "LimitReached",
    "NetworkError",
    "ParseError",
    "Response",
    "StreamComplete",
    "StreamError",
    "StreamFunctionArgumentsDelta",
    "StreamFunctionCallComplete",
    "StreamFunctionCallStarted",
    "StreamFunctionExecutionStart",
    "StreamMetrics",
    "StreamReasoning",
    "StreamStart",
    "StreamToken",
    "StreamToolResult",
    "Timeout",
    "Tool",
    "ToolError",
    "ToolResult",
    "tool",
]

_LATE = {"Bound": "agents.tools.signature", "Tool": "agents.tools.tool", "tool": "agents.tools.tool"}


def __getattr__(name: str) -> Any:
    """An export that takes pydantic with it."""
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATE[name]), name)
