"""The names of attributes and values. Source: OpenTelemetry's semantic conventions for GenAI, as of schema 1.44.0.

They are constants here since opentelemetry-semantic-conventions has them as incubating, so without a promise to stay.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from agents.core.text import joined_surrogates
from agents.traces.calls import ModelCalled, TracedRequest

Attributes: TypeAlias = dict[str, Any]

OPERATION: Final = "gen_ai.operation.name"
INVOKE_AGENT: Final = "invoke_agent"
CHAT: Final = "chat"
EXECUTE_TOOL: Final = "execute_tool"

PROVIDER: Final = "gen_ai.provider.name"
AGENT_ID: Final = "gen_ai.agent.id"
AGENT_NAME: Final = "gen_ai.agent.name"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_STREAM: Final = "gen_ai.request.stream"
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_MODEL: Final = "gen_ai.response.model"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHED_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105 (a name)
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
ERROR_TYPE: Final = "error.type"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
HTTP_METHOD: Final = "http.request.method"
HTTP_ROUTE: Final = "http.route"
HTTP_STATUS: Final = "http.response.status_code"

INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"
TOOL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_RESULT: Final = "gen_ai.tool.call.result"

STREAM_ID: Final = "understudy.stream.id"
TOOL_ATTEMPTS: Final = "understudy.tool.attempts"


def _number(value: Any) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _texts(value: Any) -> Any:
    texts = [value] if isinstance(value, str) else value
    is_list = isinstance(texts, list | tuple) and all(isinstance(text, str) for text in texts)
    return [*map(joined_surrogates, texts)] if is_list else None


OPTIONS: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "temperature": ("gen_ai.request.temperature", _number),
    "top_p": ("gen_ai.request.top_p", _number),
    "top_k": ("gen_ai.request.top_k", _number),
    "max_tokens": ("gen_ai.request.max_tokens", _number),
    "max_completion_tokens": ("gen_ai.request.max_tokens", _number),
    "max_output_tokens": ("gen_ai.request.max_tokens", _number),
    "frequency_penalty": ("gen_ai.request.frequency_penalty", _number),
    "presence_penalty": ("gen_ai.request.presence_penalty", _number),
    "seed": ("gen_ai.request.seed", _number),
    "stop": ("gen_ai.request.stop_sequences", _texts),
}
"""The attribute of a request's option, and the form of its value. A value of another form is left out."""


def request_attributes(request: TracedRequest) -> Attributes:
    """Return what is known when the request is sent."""
    server = request.server
    known: Attributes = {
        OPERATION: CHAT,
        PROVIDER: server.provider,
        REQUEST_MODEL: joined_surrogates(request.model),
        REQUEST_STREAM: request.stream,
        SERVER_ADDRESS: server.host,
        SERVER_PORT: server.port,
    }
    return known | dict(_options(request.options))


def answer_attributes(called: ModelCalled) -> Attributes:
    """Return what is known when the answer has ended."""
    usage = called.usage
    known = {
        ERROR_TYPE: called.error,
        RESPONSE_ID: called.response_id,
        RESPONSE_MODEL: called.response_model,
        TIME_TO_FIRST_CHUNK: called.first_s,
        INPUT_TOKENS: usage.input_tokens,
        OUTPUT_TOKENS: usage.output_tokens,
        CACHED_TOKENS: usage.cached_tokens,
        REASONING_TOKENS: usage.reasoning_tokens,
        FINISH_REASONS: None if called.finish_reason is None else [called.finish_reason],
    }
    return {name: value for name, value in known.items() if value is not None}


def _options(options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key in options.keys() & OPTIONS.keys():
        name, form = OPTIONS[key]
        if (value := form(options[key])) is not None:
            yield name, value
