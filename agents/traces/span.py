"""The spans of a turn: the turn itself, its model calls and its tool calls. These record nothing: telemetry is off.

    turn                invoke_agent, from the begin of a turn to its end
    ├── model call      chat; a retry has a span of its own
    └── tool call       execute_tool, without the wait for an approval; its tool may begin more spans below it

Each span ends once: a second end changes nothing. recorded.py has the spans that are recorded.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Final

from msgspec import Struct

from agents.core.conversation import Conversation, ToolCall
from agents.core.events import StreamComplete, StreamError, ToolResult
from agents.traces.calls import ModelCalled, TracedRequest
from agents.traces.carrier import NO_TRACE, Carrier

_NOTHING: Final[AbstractContextManager[None]] = nullcontext()


class TurnBegun(Struct, frozen=True):
    """A turn that begins. opening: its first messages.

    caller: the context of the message's sender. before: that of the same turn before a crash of its program.
    """

    agent_id: str
    agent_name: str
    stream_id: str
    opening: Conversation
    caller: Carrier = NO_TRACE
    before: Carrier = NO_TRACE


class ModelSpan:
    """The span of a model call. has_content: whether `end` records the answer."""

    __slots__ = ()

    @property
    def has_content(self) -> bool:
        return False

    def entered(self) -> AbstractContextManager[None]:
        """Return a block whose requests carry this span."""
        return _NOTHING

    def end(self, called: ModelCalled, answer: Conversation = ()) -> None:
        """End the span. answer: the message of the model, if it has come."""


class ToolSpan:
    """The span of a tool call."""

    __slots__ = ()

    @property
    def carrier(self) -> Carrier:
        """The context for the process that runs the tool."""
        return NO_TRACE

    def end(self, result: ToolResult | None) -> None:
        """End the span. result: None for a call that was stopped."""


class TurnSpan:
    """The span of a turn."""

    __slots__ = ()

    @property
    def carrier(self) -> Carrier:
        """The context that a later program needs to continue the turn after a crash."""
        return NO_TRACE

    def model_call(self, request: TracedRequest) -> ModelSpan:
        return UNRECORDED_MODEL_CALL

    def tool_call(self, call: ToolCall) -> ToolSpan:
        return UNRECORDED_TOOL_CALL

    def end(self, outcome: StreamComplete | StreamError | None) -> None:
        """End the span of a turn with its terminal event; None: another program continues the turn."""


class Tracer:
    """Begins the spans of turns."""

    __slots__ = ()

    def turn(self, begun: TurnBegun) -> TurnSpan:
        return UNRECORDED


UNRECORDED_MODEL_CALL: Final = ModelSpan()
UNRECORDED_TOOL_CALL: Final = ToolSpan()
UNRECORDED: Final = TurnSpan()


class TurnTrace(Struct):
    """The span of a turn, and its model calls that have ended."""

    span: TurnSpan = UNRECORDED
    model_calls: list[ModelCalled] = []


NO_TRACER: Final = Tracer()
