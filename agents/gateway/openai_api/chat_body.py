"""The body of a request to /v1/chat/completions. Source: OpenAI API reference, "Create chat completion"."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from agents.core.faults import Fault, InvalidValue
from agents.gateway.openai_api.tools import ClientFunction, Schema
from agents.gateway.routes.request_body import RequestBody

TEXT_PARTS: Final = ("text", "input_text", "output_text", "refusal")


def _text(value: Any) -> Any:
    """Return the text of a content, which is a text or parts of text."""
    if not isinstance(value, list):
        return value
    for place, part in enumerate(value):
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind not in TEXT_PARTS:
            raise InvalidValue(Fault((place,), "a part of type text", repr(kind)[:40]))
        if not isinstance(part.get("text", part.get("refusal")), str):
            raise InvalidValue(Fault((place, "text"), "text"))
    return "".join(part.get("text", part.get("refusal")) for part in value)


_PARTS: Final = {"type": "array", "items": {"type": "object"}, "description": "parts of type text"}
Content = Annotated[
    str | None,
    BeforeValidator(_text),
    WithJsonSchema({"anyOf": [{"type": "string"}, _PARTS, {"type": "null"}]}),
]
"""The content of a message. Parts of text are joined; other parts are refused."""


class MessageFunction(BaseModel):
    """The function of an earlier call. arguments: JSON."""

    name: str
    arguments: str


class MessageCall(BaseModel):
    """An earlier call, as the client got it."""

    id: str
    function: MessageFunction
    type: Literal["function"] = "function"


class ChatMessage(BaseModel):
    """A message of the conversation. Other keys, such as `name`, are ignored."""

    model_config = ConfigDict(frozen=True)

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Content = None
    tool_calls: list[MessageCall] | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None


class StreamOptions(BaseModel):
    """include_usage: whether a last chunk has the usage. include_obfuscation: has no effect."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class FunctionTool(BaseModel):
    """A tool of the client."""

    type: Literal["function"]
    function: ClientFunction


class ChosenFunction(BaseModel):
    name: str


class ToolChoice(BaseModel):
    """The tool that the model must call."""

    type: Literal["function"]
    function: ChosenFunction


class CompletionOptions(RequestBody):
    """The options that the agent's model gets, unless they are null. They have precedence over the agent's own."""

    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    max_tokens: Annotated[int, Field(gt=0)] | None = None
    max_completion_tokens: Annotated[int, Field(gt=0)] | None = None
    logit_bias: dict[str, float] | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    response_format: Schema | None = None
    parallel_tool_calls: bool | None = None


class CompletionBody(CompletionOptions):
    """A request for a chat completion. model: the id of a configured agent. messages: the whole conversation.

    The agent's system prompt comes before the messages. These keys have no effect: n (1), logprobs (false), modalities
    (text), user, metadata, store, service_tier, prompt_cache_key, prompt_cache_retention, safety_identifier.
    """

    model: str
    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[FunctionTool] | None = None
    tool_choice: Literal["auto", "none", "required"] | ToolChoice | None = None
    n: Literal[1] | None = None
    logprobs: Literal[False] | None = None
    modalities: list[Literal["text"]] | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None
    service_tier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    safety_identifier: str | None = None
