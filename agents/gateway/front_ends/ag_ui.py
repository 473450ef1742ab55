"""A stream as events of AG-UI. A session is a thread, and a stream is a run."""

from typing import Any

from agents.contract.ag_ui import (
    Custom,
    ReasoningEnd,
    ReasoningMessageContent,
    ReasoningMessageEnd,
    ReasoningMessageStart,
    ReasoningStart,
    RunCancelled,
    RunError,
    RunFinished,
    RunStarted,
    RunSucceeded,
    TextMessageContent,
    TextMessageEnd,
    TextMessageStart,
    ToolCallArgs,
    ToolCallEnd,
    ToolCallResult,
    ToolCallStart,
)
from agents.contract.wire import data_of, name_of
from agents.core.errors import Cancelled
from agents.core.events import (
    Event,
    StreamApprovalDecided,
    StreamApprovalRequired,
    StreamCompacted,
    StreamComplete,
    StreamError,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamHandoff,
    StreamStart,
    StreamSubAgent,
    StreamToolProgress,
    StreamToolResult,
    StreamUsage,
    StreamWarning,
)
from agents.core.response import Response
from agents.gateway.front_ends.parts import Frames, Kind, Parts


class AgUi(Parts):
    """The encoder of one stream. State: the session, and the ids of calls with results."""

    def __init__(self, stream_id: str) -> None:
        super().__init__(stream_id)
        self._thread = ""
        self._answered: set[str] = set()

    def begin(self, kind: Kind) -> Frames:
        if kind == "text":
            return [TextMessageStart(self.part_id)]
        return [ReasoningStart(self.part_id), ReasoningMessageStart(self.part_id)]

    def delta(self, kind: Kind, text: str) -> Any:
        return (TextMessageContent if kind == "text" else ReasoningMessageContent)(self.part_id, text)

    def end(self, kind: Kind) -> Frames:
        if kind == "text":
            return [TextMessageEnd(self.part_id)]
        return [ReasoningMessageEnd(self.part_id), ReasoningEnd(self.part_id)]

    def arguments(self, call_id: str, delta: str) -> Any:
        return ToolCallArgs(call_id, delta)

    def other(self, event: Event) -> Frames:
        match event:
            case StreamStart(agent_id):
                self._thread = agent_id
                return [RunStarted(agent_id, self.stream_id)]
            case StreamFunctionCallStarted(call):
                return [ToolCallStart(call.id, call.name)]
            case StreamFunctionCallComplete(call):
                return [*([] if call.arguments else [ToolCallArgs(call.id, "{}")]), ToolCallEnd(call.id)]
            case StreamToolResult(call, result):
                self._answered.add(call.id)
                return [ToolCallResult(f"{self.stream_id}-{call.id}", call.id, result.content)]
            case (
                StreamToolProgress()
                | StreamApprovalRequired()
                | StreamApprovalDecided()
                | StreamSubAgent()
                | StreamHandoff()
                | StreamUsage()
                | StreamWarning()
                | StreamCompacted()
            ):
                return [Custom(name_of(event), data_of(event))]
            case StreamComplete(response):
                return self._finished(response)
            case StreamError(Cancelled()):
                return [RunFinished(self._thread, self.stream_id, RunCancelled())]
            case StreamError(reason):
                return self.broken(str(reason), str(reason.__struct_config__.tag))
        return []

    def broken(self, message: str, code: str) -> Frames:
        return [RunError(message, code)]

    def _finished(self, response: Response) -> Frames:
        pending = [call.id for call in response.tool_calls if call.id not in self._answered]
        outcome = RunSucceeded(pending) if pending else RunSucceeded()
        return [RunFinished(self._thread, self.stream_id, outcome)]
