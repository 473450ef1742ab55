"""The application: agents, streams, tools, the command line.

What a host's code names most is exported here: the events of a stream, the reasons of a stream_error, `tool`. A tool's
worker process imports this package, so what stands here must be cheap to load (a few milliseconds).
"""

from agents.core.errors import (
    ApiError,
    Cancelled,
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
from agents.tools.signature import Bound
from agents.tools.tool import Tool, tool

__all__ = [
    "ApiError",
    "Bound",
    "Cancelled",
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
