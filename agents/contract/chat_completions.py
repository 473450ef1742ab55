"""The answers of /v1/models and /v1/chat/completions. Source: OpenAI API reference, "Chat" and "Models"."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType


class ListedModel(Struct, frozen=True):
    """An agent that answers as a model.

    created: Unix seconds, of the gateway's settings. owned_by: the agent's owner, or `understudy`.
    """

    id: str
    created: int
    owned_by: str
    object: Literal["model"] = "model"


class ModelPage(Struct, frozen=True):
    """The agents that a caller can use as models."""

    data: list[ListedModel]
    object: Literal["list"] = "list"


class CachedTokens(Struct, frozen=True):
    cached_tokens: int


class ReasoningTokens(Struct, frozen=True):
    reasoning_tokens: int


class CompletionUsage(Struct, frozen=True):
    """The tokens of all model calls of the turn."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: CachedTokens
    completion_tokens_details: ReasoningTokens


class CalledFunction(Struct, frozen=True):
    """The function of a call. arguments: JSON."""

    name: str
    arguments: str


class ClientCall(Struct, frozen=True):
    """A call of one of the client's tools, which the client runs."""

    id: str
    function: CalledFunction
    type: Literal["function"] = "function"


class CompletionMessage(Struct, frozen=True):
    """The agent's message. reasoning_content: the model's visible reasoning."""

    content: str | None
    refusal: str | None = None
    tool_calls: list[ClientCall] | UnsetType = UNSET
    reasoning_content: str | UnsetType = UNSET
    role: Literal["assistant"] = "assistant"


class CompletionChoice(Struct, frozen=True):
    """The only answer. finish_reason: stop, length, content_filter or tool_calls."""

    message: CompletionMessage
    finish_reason: str
    index: int = 0
    logprobs: None = None


class ChatCompletion(Struct, frozen=True):
    """The agent's answer. id: of the turn's stream. created: Unix seconds. usage: null if the provider reports none."""

    id: str
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: CompletionUsage | None
    object: Literal["chat.completion"] = "chat.completion"


class FunctionPiece(Struct, frozen=True):
    """A piece of a call's function. name: with the first piece."""

    arguments: str
    name: str | UnsetType = UNSET


class CallPiece(Struct, frozen=True):
    """A piece of a call. index: the call's number. id, type: with the first piece."""

    index: int
    function: FunctionPiece
    id: str | UnsetType = UNSET
    type: Literal["function"] | UnsetType = UNSET


class ChunkDelta(Struct, frozen=True):
    """The new part of the message."""

    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType = UNSET
    reasoning_content: str | UnsetType = UNSET
    refusal: str | UnsetType = UNSET
    tool_calls: list[CallPiece] | UnsetType = UNSET


class ChunkChoice(Struct, frozen=True):
    """finish_reason: null before the last part."""

    delta: ChunkDelta
    finish_reason: str | None = None
    index: int = 0


class ChatCompletionChunk(Struct, frozen=True):
    """A part of an answer. The last line of the stream is `[DONE]`.

    usage: only if the client asked for it. The chunk with the usage has no choice; the others have null.
    """

    id: str
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: CompletionUsage | UnsetType | None = UNSET
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
