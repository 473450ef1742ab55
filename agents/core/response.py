"""The whole answer of a turn. Source: API reference, "Stream Response"."""

from typing import Any, Generic, TypeVar

from msgspec import Struct

from agents.core.conversation import ToolCall
from agents.core.deltas import FinishReason, Usage
from agents.core.stream_metrics import StreamMetrics

T = TypeVar("T")


class Response(Struct, frozen=True):
    """The finished turn, or the part of a failed turn that had arrived.

    content: the turn's whole valid text: the joined tokens without those that a stream_reset voided. answer: the text
    of the last model call, without the text before tool calls. tool_calls: all calls of the turn, in order. value: the
    answer as JSON data, if the agent has an answer type. cost: in the currency of the price table; None: unknown.
    """

    content: str
    answer: str
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason | None = None
    refusal: str | None = None
    usage: Usage = Usage()
    model: str | None = None
    metrics: StreamMetrics | None = None
    value: Any = None
    cost: float | None = None


class TypedResponse(Response, Generic[T], frozen=True, kw_only=True):
    """The Response to a message that has an answer type. value: the answer as a value of this type."""

    value: T
