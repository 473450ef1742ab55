"""The interface of understudy for programs: start agents, talk to them, read their events, write tools.

    from agents import agent, application, start_agent, tool

    async with application.running():
        pid = await start_agent(model="gpt-4o", tools=[...])
        response = await agent.chat(pid, "Hello.")

Modules:
    application     start and end everything
    agent           talk to an agent: chat, stream, subscribe, steer, cancel, approve, answer
    agent_registry  find an agent by its id, its stream or its owner

Agents:             start_agent, stop_agent, which_agents, find_agent, wake, AgentOptions, Settings, AgentInfo, Pid
Tools:              tool, progress, Tool, Bound, CallContext; what verify returns: Happened, DidNotHappen, NotKnown
Parts of messages:  Text, Image, Audio, File; in a conversation TextPart, ImagePart, AudioPart, FilePart
Answers:            Response, TypedResponse, ToolCall, ToolResult, Usage, StreamMetrics, FinishReason
Events of a stream: Event is any of StreamStart, StreamToken, ..., StreamComplete, StreamError
Reasons of errors:  Fault is any reason of a StreamError
Approvals:          Decided, AlreadyDecided, NotAsked, OtherArguments, OtherQuestion, InvalidEdit, InvalidReply,
                    OtherKind, Question
Exceptions:         StreamFailed, TooManyWait, InvalidAgentConfig, InvalidTool, InvalidArgument, AlreadyStarted,
                    StartFailed, CallFailed

Processes are in `actors`, supervisors in `supervisors`. agents.rehearsal is a model server for tests, agents.gateway
the HTTP interface, agents.client its client, and agents.settings the settings.

Worker processes and `understudy --help` import this package, so most modules are loaded at the first use of a name.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from agents.core.conversation import ToolCall
from agents.core.deltas import FinishReason, Usage
from agents.core.errors import (
    ApiError,
    BudgetExceeded,
    Busy,
    Cancelled,
    CircuitOpen,
    ConnectionClosed,
    ContentRefused,
    Denied,
    Fault,
    HandlerCrashed,
    Interrupted,
    InvalidAnswer,
    LimitReached,
    LoopFound,
    NetworkError,
    Parked,
    ParseError,
    StoreFailed,
    Timeout,
    ToolError,
)
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
    ToolResult,
)
from agents.core.outcome import DidNotHappen, Happened, NotKnown
from agents.core.parts import AudioPart, FilePart, ImagePart, TextPart
from agents.core.question import Question
from agents.core.response import Response, TypedResponse
from agents.core.stream_metrics import StreamMetrics

if TYPE_CHECKING:
    from actors import CallFailed, InvalidArgument, Pid, StartFailed
    from agents import agent, agent_registry, application
    from agents.agent import StreamFailed, TooManyWait
    from agents.agent_config import InvalidAgentConfig
    from agents.agent_registry import find_agent
    from agents.instance.info import AgentInfo, StreamInfo
    from agents.instance.waking import wake
    from agents.parts.given import Audio, File, Image, Text
    from agents.settings import Settings
    from agents.settings.agent_options import AgentOptions
    from agents.starting import start_agent
    from agents.tools.approval import (
        AlreadyDecided,
        Decided,
        InvalidEdit,
        NotAsked,
        OtherArguments,
        OtherKind,
        OtherQuestion,
    )
    from agents.tools.call_context import CallContext
    from agents.tools.errors import InvalidTool
    from agents.tools.progress import progress
    from agents.tools.questions import InvalidReply
    from agents.tools.signature import Bound
    from agents.tools.tool import Tool, tool
    from supervisors import AlreadyStarted
    from supervisors.agent_supervisor import stop_agent, which_agents

__all__ = [
    "AgentInfo",
    "AgentOptions",
    "AlreadyDecided",
    "AlreadyStarted",
    "ApiError",
    "Audio",
    "AudioPart",
    "Bound",
    "BudgetExceeded",
    "Busy",
    "CallContext",
    "CallFailed",
    "Cancelled",
    "CircuitOpen",
    "ConnectionClosed",
    "ContentRefused",
    "Decided",
    "Denied",
    "DidNotHappen",
    "Event",
    "Fault",
    "File",
    "FilePart",
    "FinishReason",
    "HandlerCrashed",
    "Happened",
    "Image",
    "ImagePart",
    "Interrupted",
    "InvalidAgentConfig",
    "InvalidAnswer",
    "InvalidArgument",
    "InvalidEdit",
    "InvalidReply",
    "InvalidTool",
    "LimitReached",
    "LoopFound",
    "NetworkError",
    "NotAsked",
    "NotKnown",
    "OtherArguments",
    "OtherKind",
    "OtherQuestion",
    "Parked",
    "ParseError",
    "Pid",
    "Question",
    "Response",
    "Settings",
    "StartFailed",
    "StoreFailed",
    "StreamApprovalDecided",
    "StreamApprovalRequired",
    "StreamCompacted",
    "StreamComplete",
    "StreamError",
    "StreamFailed",
    "StreamFunctionArgumentsDelta",
    "StreamFunctionCallComplete",
    "StreamFunctionCallStarted",
    "StreamFunctionExecutionStart",
    "StreamHandoff",
    "StreamInfo",
    "StreamMetrics",
    "StreamReasoning",
    "StreamReset",
    "StreamStart",
    "StreamSubAgent",
    "StreamToken",
    "StreamToolProgress",
    "StreamToolResult",
    "StreamToolStart",
    "StreamUsage",
    "StreamWarning",
    "Text",
    "TextPart",
    "Timeout",
    "TooManyWait",
    "Tool",
    "ToolCall",
    "ToolError",
    "ToolResult",
    "TypedResponse",
    "Usage",
    "agent",
    "agent_registry",
    "application",
    "find_agent",
    "progress",
    "start_agent",
    "stop_agent",
    "tool",
    "wake",
    "which_agents",
]

_LATE = {
    "AgentInfo": "agents.instance.info",
    "AgentOptions": "agents.settings.agent_options",
    "AlreadyDecided": "agents.tools.approval",
    "AlreadyStarted": "supervisors",
    "Audio": "agents.parts.given",
    "Bound": "agents.tools.signature",
    "CallContext": "agents.tools.call_context",
    "CallFailed": "actors",
    "Decided": "agents.tools.approval",
    "File": "agents.parts.given",
    "Image": "agents.parts.given",
    "InvalidAgentConfig": "agents.agent_config",
    "InvalidArgument": "actors",
    "InvalidEdit": "agents.tools.approval",
    "InvalidReply": "agents.tools.questions",
    "InvalidTool": "agents.tools.errors",
    "NotAsked": "agents.tools.approval",
    "OtherArguments": "agents.tools.approval",
    "OtherKind": "agents.tools.approval",
    "OtherQuestion": "agents.tools.approval",
    "Pid": "actors",
    "Settings": "agents.settings",
    "StartFailed": "actors",
    "StreamFailed": "agents.agent",
    "StreamInfo": "agents.instance.info",
    "Text": "agents.parts.given",
    "TooManyWait": "agents.agent",
    "Tool": "agents.tools.tool",
    "find_agent": "agents.agent_registry",
    "progress": "agents.tools.progress",
    "start_agent": "agents.starting",
    "stop_agent": "supervisors.agent_supervisor",
    "tool": "agents.tools.tool",
    "wake": "agents.instance.waking",
    "which_agents": "supervisors.agent_supervisor",
}
"""Names whose modules are loaded at their first use, each with its module."""

_MODULES = frozenset({"agent", "agent_registry", "application"})


if not TYPE_CHECKING:  # a type checker would otherwise accept any name

    def __getattr__(name: str) -> Any:
        """Return a name of _LATE or _MODULES, whose module is loaded now."""
        if name in _MODULES:
            return import_module(f"agents.{name}")
        if name not in _LATE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_LATE[name]), name)
        return value


def __dir__() -> list[str]:
    """Return the interface, for help() and for completion."""
    return [*__all__, "__all__", "__doc__", "__file__", "__name__", "__path__"]
