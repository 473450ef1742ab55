"""A stream as a UI message stream of the AI SDK. A session is a chat, and a stream is a message."""

from typing import Any, Final

import msgspec

from agents.contract.ui_messages import (
    ApprovalPart,
    DecidedPart,
    MessageAborted,
    MessageEnd,
    MessageFailed,
    MessageStart,
    StepEnd,
    StepStart,
    SubAgentPart,
    TextEnd,
    TextStart,
    ThoughtDelta,
    ThoughtEnd,
    ThoughtStart,
    ToolInputAvailable,
    ToolInputDelta,
    ToolInputStart,
    ToolOutputAvailable,
    ToolOutputError,
    UiTextDelta,
)
from agents.contract.wire import data_of
from agents.core.deltas import FinishReason
from agents.core.errors import Cancelled
from agents.core.events import (
    Event,
    StreamApprovalDecided,
    StreamApprovalRequired,
    StreamComplete,
    StreamError,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamStart,
    StreamSubAgent,
    StreamToolProgress,
    StreamToolResult,
)
from agents.core.response import Response
from agents.gateway.front_ends.parts import Frames, Kind, Parts

HEADERS: Final = ((b"x-vercel-ai-ui-message-stream", b"v1"),)


class UiMessages(Parts):
    """The encoder of one stream. State: whether calls have ended in this step."""

    last = b"data: [DONE]\n\n"

    def __init__(self, stream_id: str) -> None:
        super().__init__(stream_id)
        self._step_over = False

    def begin(self, kind: Kind) -> Frames:
        return [TextStart(self.part_id) if kind == "text" else ThoughtStart(self.part_id)]

    def delta(self, kind: Kind, text: str) -> Any:
        return (UiTextDelta if kind == "text" else ThoughtDelta)(self.part_id, text)

    def end(self, kind: Kind) -> Frames:
        return [TextEnd(self.part_id) if kind == "text" else ThoughtEnd(self.part_id)]

    def model_speaks(self) -> Frames:
        """Begin a step if the calls of the step before have ended."""
        over, self._step_over = self._step_over, False
        return [StepEnd(), StepStart()] if over else []

    def arguments(self, call_id: str, delta: str) -> Any:
        return ToolInputDelta(call_id, delta)

    def other(self, event: Event) -> Frames:
        match event:
            case StreamStart():
                return [MessageStart(self.stream_id), StepStart()]
            case StreamFunctionCallStarted(call):
                return [*self.model_speaks(), ToolInputStart(call.id, call.name)]
            case StreamFunctionCallComplete(call):
                return [ToolInputAvailable(call.id, call.name, _data_in(call.arguments))]
            case StreamToolProgress(call, data):
                return [ToolOutputAvailable(call.id, data, preliminary=True)]
            case StreamApprovalRequired():
                return [ApprovalPart(data_of(event))]
            case StreamApprovalDecided():
                return [DecidedPart(data_of(event))]
            case StreamSubAgent():
                return [SubAgentPart(data_of(event))]
            case StreamToolResult(call, result):
                self._step_over = True
                if result.error is not None:
                    return [ToolOutputError(call.id, result.content)]
                return [ToolOutputAvailable(call.id, result.content if result.value is None else result.value)]
            case StreamComplete(response):
                return [StepEnd(), _end(response)]
            case StreamError(Cancelled() as reason):
                return [MessageAborted(str(reason))]
            case StreamError(reason):
                return self.broken(str(reason), "")
        return []

    def broken(self, message: str, code: str) -> Frames:
        return [MessageFailed(message)]


def _end(response: Response) -> MessageEnd:
    match response.finish_reason:
        case FinishReason.LENGTH:
            return MessageEnd("length")
        case FinishReason.CONTENT_FILTER:
            return MessageEnd("content-filter")
    return MessageEnd("stop")


def _data_in(arguments: str) -> Any:
    """Return the arguments of a call as data. Invalid JSON stays a text: the call fails with it."""
    try:
        return msgspec.json.decode(arguments or "{}")
    except (ValueError, RecursionError):
        return arguments
