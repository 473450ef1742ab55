"""What an adapter reads out of a model's stream: the one vocabulary for every provider and both APIs.

An adapter (agents/llm) turns bytes into these; the accumulator folds them. A provider's quirk stops in its adapter:
here indexes are opaque and stable, ids are present, names are whole, and there is exactly one end.

    TextDelta | ReasoningDelta | RefusalDelta      in the order of the wire
    CallStarted (CallDelta*) CallDone              per call; calls may interleave
    Finished | Failed                              exactly one, the last
"""

from enum import StrEnum
from typing import Any, TypeAlias

from msgspec import Struct

from agents.core.errors import Fault


class FinishReason(StrEnum):
    """Why the model stopped. OTHER: a provider's own word, kept in Finished.raw_reason."""

    STOP = "stop"
    TOOL_CALLS = "tool_calls"
    LENGTH = "length"
    CONTENT_FILTER = "content_filter"
    OTHER = "other"


class Usage(Struct, frozen=True):
    """Tokens of one or more model calls. None: the provider did not say; unknown is not zero."""

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
    """A call's id and whole name are known."""

    index: int
    id: str
    name: str


class CallDelta(Struct, frozen=True, gc=False):
    """A piece of the arguments of the call that started with this index."""

    index: int
    arguments: str


class CallDone(Struct, frozen=True):
    """Nothing more comes for this call; whether it may be run is said by Finished.

    arguments: the wire string: the joined CallDeltas, or the provider's own final snapshot where that contradicts them.
    """

    index: int
    arguments: str
    extra: dict[str, Any] | None = None


class Finished(Struct, frozen=True):
    """The model ended its answer. Its calls may be run, unless it was cut (`complete` is false).

    reason: None if the provider never said. complete: false for length, content_filter and an incomplete response.
    items: what has to be sent back, as of AssistantMessage; empty where text and calls say all. skipped: one line for
    each event that could not be read. lossy: some of the text may have been in them.
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
    """The stream broke or carried an error. What came before it stays; no call of it may be run."""

    fault: Fault


Delta: TypeAlias = TextDelta | ReasoningDelta | RefusalDelta | CallStarted | CallDelta | CallDone | Finished | Failed
