"""The answers and the events of /v1/responses. Source: OpenAI API reference, "Responses"."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from agents.contract.chat_completions import CachedTokens, ReasoningTokens

ItemStatus: TypeAlias = Literal["in_progress", "completed", "incomplete"]


class OutputText(Struct, frozen=True, tag_field="type", tag="output_text"):
    """The text of a message."""

    text: str
    annotations: tuple[dict[str, Any], ...] = ()
    logprobs: tuple[dict[str, Any], ...] = ()


class OutputRefusal(Struct, frozen=True, tag_field="type", tag="refusal"):
    """The model's refusal."""

    refusal: str


class OutputMessage(Struct, frozen=True, tag_field="type", tag="message"):
    """The agent's message."""

    id: str
    status: ItemStatus
    content: tuple[OutputText | OutputRefusal, ...] = ()
    role: Literal["assistant"] = "assistant"


class OutputCall(Struct, frozen=True, tag_field="type", tag="function_call"):
    """A call of one of the client's tools, which the client runs. arguments: JSON."""

    id: str
    call_id: str
    name: str
    arguments: str
    status: ItemStatus


OutputItem: TypeAlias = OutputMessage | OutputCall


class ResponseUsage(Struct, frozen=True):
    """The tokens of all model calls of the turn."""

    input_tokens: int
    input_tokens_details: CachedTokens
    output_tokens: int
    output_tokens_details: ReasoningTokens
    total_tokens: int


class FailedBecause(Struct, frozen=True):
    """The reason of a failed response."""

    code: str
    message: str


class IncompleteBecause(Struct, frozen=True):
    """The reason of an incomplete response."""

    reason: Literal["max_output_tokens", "content_filter"]


class ResponseObject(Struct, frozen=True, kw_only=True):
    """A response. id: of the turn's stream. store: whether the response has a session. created_at: Unix seconds."""

    id: str
    created_at: int
    model: str
    store: bool
    status: Literal["in_progress", "completed", "incomplete", "failed"] = "in_progress"
    output: Sequence[OutputItem] = ()
    error: FailedBecause | None = None
    incomplete_details: IncompleteBecause | None = None
    usage: ResponseUsage | None = None
    previous_response_id: str | None = None
    instructions: str | None = None
    metadata: Mapping[str, str] = {}
    parallel_tool_calls: bool = True
    temperature: float | None = None
    tool_choice: Any = "auto"
    tools: Sequence[Mapping[str, Any]] = ()
    top_p: float | None = None
    object: Literal["response"] = "response"


class Numbered(Struct, frozen=True, kw_only=True, tag_field="type"):
    """An event of a response. sequence_number: counts the events from 0."""

    sequence_number: int


class OfResponse(Numbered, frozen=True):
    """An event with the whole response so far."""

    response: ResponseObject


class ResponseCreated(OfResponse, frozen=True, tag="response.created"):
    """The turn begins."""


class ResponseInProgress(OfResponse, frozen=True, tag="response.in_progress"):
    """The turn runs."""


class ResponseCompleted(OfResponse, frozen=True, tag="response.completed"):
    """The response is whole."""


class ResponseIncomplete(OfResponse, frozen=True, tag="response.incomplete"):
    """The model's answer was cut."""


class ResponseFailed(OfResponse, frozen=True, tag="response.failed"):
    """The turn failed, or this client gets no more of it."""


class OfOutput(Numbered, frozen=True):
    """An event with an item. output_index: of the item in the response's output."""

    output_index: int
    item: OutputItem


class ItemAdded(OfOutput, frozen=True, tag="response.output_item.added"):
    """An item begins."""


class ItemDone(OfOutput, frozen=True, tag="response.output_item.done"):
    """An item is whole."""


class OfItem(Numbered, frozen=True):
    """An event of an item. output_index: of the item in the response's output."""

    item_id: str
    output_index: int


class OfText(OfItem, frozen=True):
    """An event of the text of a message."""

    content_index: int


class OfPart(OfText, frozen=True):
    """An event with the part of the text."""

    part: OutputText


class PartAdded(OfPart, frozen=True, tag="response.content_part.added"):
    """The text of a message begins."""


class PartDone(OfPart, frozen=True, tag="response.content_part.done"):
    """The text of a message is whole."""


class OutputTextDelta(OfText, frozen=True, tag="response.output_text.delta"):
    """A piece of the text."""

    delta: str
    logprobs: tuple[dict[str, Any], ...]


class OutputTextDone(OfText, frozen=True, tag="response.output_text.done"):
    """The whole text."""

    text: str
    logprobs: tuple[dict[str, Any], ...]


class CallArgumentsDelta(OfItem, frozen=True, tag="response.function_call_arguments.delta"):
    """A piece of a call's arguments."""

    delta: str


class CallArgumentsDone(OfItem, frozen=True, tag="response.function_call_arguments.done"):
    """The whole arguments of a call."""

    name: str
    arguments: str


ResponseEvent: TypeAlias = (
    ResponseCreated
    | ResponseInProgress
    | ItemAdded
    | PartAdded
    | OutputTextDelta
    | OutputTextDone
    | PartDone
    | CallArgumentsDelta
    | CallArgumentsDone
    | ItemDone
    | ResponseCompleted
    | ResponseIncomplete
    | ResponseFailed
)
