"""The body of a request to /v1/responses. Source: OpenAI API reference, "Create a model response"."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from agents.core.faults import Fault, InvalidValue
from agents.gateway.actions import Id
from agents.gateway.openai_api.chat_body import Content
from agents.gateway.openai_api.tools import ClientFunction, Schema
from agents.gateway.routes.request_body import RequestBody

KINDS = ("message", "function_call", "function_call_output", "reasoning")


def _kind(value: Any) -> Any:
    """Return the kind of an item. A message may leave it out."""
    if value not in KINDS:
        raise InvalidValue(Fault((), f"one of {', '.join(KINDS)}", repr(value)[:40]))
    return value


ItemKind = Annotated[
    Literal["message", "function_call", "function_call_output", "reasoning"],
    BeforeValidator(_kind),
]


class InputItem(BaseModel):
    """An item of the input. The type decides which keys it has; other keys, such as `id`, are ignored.

    message: role and content. function_call: call_id, name and arguments. function_call_output: call_id and output.
    reasoning: is ignored.
    """

    model_config = ConfigDict(frozen=True)

    type: ItemKind = "message"
    role: Literal["system", "developer", "user", "assistant"] | None = None
    content: Content = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    output: Content = None


def _items(value: Any) -> Any:
    """Return the items of an input. A text is one message of the user."""
    return [{"role": "user", "content": value}] if isinstance(value, str) else value


class ResponsesTool(ClientFunction):
    """A tool of the client. Only functions can be tools."""

    type: Literal["function"]


class ChosenTool(BaseModel):
    """The tool that the model must call."""

    type: Literal["function"]
    name: str


class ReasoningOptions(BaseModel):
    """effort: for the model. summary: has no effect."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None


class TextOptions(BaseModel):
    """format: the form of the text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Schema | None = None
    verbosity: str | None = None


class ResponsesBody(RequestBody):
    """A request for a response. model: the id of a configured agent.

    store: whether the response has a session, for a later previous_response_id; true by default, but false without a
    store of sessions. instructions: for this response only, after the agent's system prompt. These keys have no effect:
    background (false), truncation, include, user, metadata, service_tier, prompt_cache_key, prompt_cache_retention,
    safety_identifier, stream_options.
    """

    model: str
    input: Annotated[list[InputItem], BeforeValidator(_items), Field(min_length=1)]
    instructions: str | None = None
    previous_response_id: Id | None = None
    store: bool | None = None
    stream: bool | None = None
    tools: list[ResponsesTool] | None = None
    tool_choice: Literal["auto", "none", "required"] | ChosenTool | None = None
    parallel_tool_calls: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: Annotated[int, Field(gt=0)] | None = None
    reasoning: ReasoningOptions | None = None
    text: TextOptions | None = None
    background: Literal[False] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    include: list[str] | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None
    service_tier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    safety_identifier: str | None = None
    stream_options: dict[str, bool] | None = None
