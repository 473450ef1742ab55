"""Deltas: the events of a model's stream, the same for every provider and both APIs.

An adapter (agents/llm) turns bytes into deltas, and the accumulator folds them. The quirks of a provider stop in its
adapter: in deltas indexes are opaque and stable, ids are present, names are whole, and there is exactly one end.

    TextDelta | ReasoningDelta | RefusalDelta      in the order of the wire
    CallStarted (CallDelta*) CallDone              per call; calls may interleave
    Finished | Failed                              exactly one, the last
"""

from enum import StrEnum
from typing import Any, TypeAlias

from msgspec import Struct

from agents.core.errors import Fault


class FinishReason(StrEnum):
    """The reason why the model stopped. OTHER: an unknown word of the provider, kept in Finished.raw_reason."""

    STOP = "stop"
    TOOL_CALLS = "tool_calls"
    LENGTH = "length"
    CONTENT_FILTER = "content_filter"
    OTHER = "other"


class Usage(Struct, frozen=True):
    """Tokens of one or more model calls. None: the provider did not report the number."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None


class TextDelta(Struct, frozen=True, gc=False):
    text: str


class ReasoningDelta(Struct, frozen=True, gc=False):
    text: str


class RefusalDelta(Struct, frozen=True, gc=False):
    text: str


class CallStarted(Struct, frozen=True, gc=False):
    """The start of a call. Its id and whole name are known."""

    index: int
    id: str
    name: str


class CallDelta(Struct, frozen=True, gc=False):
    """A piece of the arguments of the call that started with this index."""

    index: int
    arguments: str


class CallDone(Struct, frozen=True):
    """The end of a call. Finished decides whether the call may run.

    arguments: the joined CallDeltas, or the provider's final snapshot if it differs from them. extra: as in ToolCall.
    """

    index: int
    arguments: str
    extra: dict[str, Any] | None = None


class Finished(Struct, frozen=True):
    """The end of a model's answer. The answer's calls may run if `complete` is true.

    reason: None if the provider gave no reason. complete: false for length, content_filter and an incomplete response.
    items: data to send back, as in AssistantMessage. skipped: one line for each unreadable event. lossy: the skipped
    events may have had some of the text.
    """

    reason: FinishReason | None
    raw_reason: str | None = None
    usage: Usage | None = None
    response_id: str | None = None
    model: str | None = None
    complete: bool = True
    items: tuple[dict[str, Any], ...] = ()
    skipped: tuple[str, ...] = ()
    lossy: bool = False


class Failed(Struct, frozen=True):
    """The end of a stream that broke or carried an error. Earlier deltas stay valid, but no call may run."""

    fault: Fault


Delta: TypeAlias = TextDelta | ReasoningDelta | RefusalDelta | CallStarted | CallDelta | CallDone | Finished | Failed
