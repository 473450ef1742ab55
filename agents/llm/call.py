"""One model call: the request, and its answer as deltas, given to a sink as they arrive.

Source: API reference, "Module: streaming_function_handler", for a single round with the model. What follows a failure
is decided in core/retry.py, by whoever makes the call.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

from msgspec import Struct, field

from agents.core.conversation import Conversation, ToolMessage
from agents.core.errors import ApiError, ConnectionClosed, ParseError
from agents.core.retry import RetryPolicy
from agents.llm.answer import Deadlines, Sink, give, read_answer
from agents.llm.background import read_resuming
from agents.llm.breaker import Outcome, outcome_of
from agents.llm.chat import ChatReader
from agents.llm.chat import request as chat_request
from agents.llm.client import Client
from agents.llm.endpoint import Api, Endpoint, ProviderFailed, Unanswered
from agents.llm.provider import acquire, report
from agents.llm.reader import StreamReader
from agents.llm.responses import ResponsesReader
from agents.llm.responses import request as responses_request

__all__ = ["Deadlines", "Route", "Sink", "model_call"]

KEPT, NEW = "kept", "new"
NO_RETRY: Final = RetryPolicy(max_retries=0)


class Route(Struct, frozen=True):
    """Which model, where, over which API. options: more keys of the request body, sent unchanged.

    With the option `background` true, the Responses API goes on with an answer whose connection broke.
    """

    endpoint: Endpoint
    model: str
    api: Api = Api.CHAT
    options: Mapping[str, Any] = field(default_factory=dict)


async def model_call(
    route: Route,
    conversation: Conversation,
    sink: Sink,
    *,
    tools: Sequence[Mapping[str, Any]] = (),
    deadlines: Deadlines,
    stream: bool = True,
    retry: RetryPolicy = NO_RETRY,
) -> None:
    """Ask, and give the sink the answer. The last delta is Finished or Failed: whatever goes wrong is a delta, too.

    tools: name, description, parameters. stream: False asks for the answer in one piece; a response in background mode
    would have to be asked for again and again, so it is streamed. retry: of taking such a response up where its
    connection broke, which loses nothing; nothing else is tried again here. Cancelled, it closes the connection
    before it ends.
    """
    reader = _reader(route)
    try:
        lease = await acquire(route.endpoint)
    except ProviderFailed as failed:
        return await give(sink, reader.break_off(failed.fault))
    try:
        streamed = stream or _in_background(route)
        body = _body(route, conversation, tools, stream=streamed)
        try:
            await _ask(lease.client, route.api, body, reader, sink, deadlines, retry)
        except Unanswered as unanswered:
            if not streamed or _in_background(route):
                raise
            body = _body(route, conversation, tools, stream=False)
            await _ask_whole(lease.client, route.api, body, reader, sink, deadlines, unanswered)
    except ProviderFailed as failed:
        await give(sink, reader.break_off(failed.fault))
    finally:
        report(lease, outcome_of(reader.fault, hasty=deadlines.hasty) if reader.ended else Outcome.UNKNOWN)


async def _ask(
    client: Client,
    api: Api,
    body: Mapping[str, Any],
    reader: StreamReader,
    sink: Sink,
    deadlines: Deadlines,
    retry: RetryPolicy,
) -> None:
    """Raises ProviderFailed."""
    answer = client.stream(api, body, connect_s=deadlines.connection_s)
    if isinstance(reader, ResponsesReader) and reader.background:
        await read_resuming(client, answer, reader, sink, deadlines, retry)
    else:
        await read_answer(answer, reader, sink, deadlines)


async def _ask_whole(
    client: Client,
    api: Api,
    body: Mapping[str, Any],
    reader: StreamReader,
    sink: Sink,
    deadlines: Deadlines,
    unanswered: Unanswered,
) -> None:
    """Ask for the same answer in one piece: some servers say what is wrong with a request only there.

    The connection that was kept may be one that the server is about to close; then the request goes over a new one.
    Raises ProviderFailed: what the provider says, or unanswered if it says nothing here either.
    """
    for connection in (KEPT, NEW):
        reader.begin_body()
        try:
            await read_answer(client.stream(api, body, connect_s=deadlines.connection_s), reader, sink, deadlines)
        except Unanswered:
            raise unanswered from None
        except ProviderFailed as failed:
            if isinstance(failed.fault, ApiError | ParseError) or not reader.silent:
                raise
            if connection is NEW or not isinstance(failed.fault, ConnectionClosed):
                raise unanswered from failed
        else:
            return


def _reader(route: Route) -> StreamReader:
    if route.api is Api.CHAT:
        return ChatReader(_new_id)
    return ResponsesReader(_new_id, background=_in_background(route))


def _in_background(route: Route) -> bool:
    return route.api is Api.RESPONSES and bool(route.options.get("background"))


def _new_id() -> str:
    return f"call_{uuid4().hex}"


def _body(
    route: Route, conversation: Conversation, tools: Sequence[Mapping[str, Any]], *, stream: bool
) -> dict[str, Any]:
    request = chat_request if route.api is Api.CHAT else responses_request
    options = route.options if stream else {**route.options, "stream": False}
    if conversation and isinstance(conversation[-1], ToolMessage):
        options = _without_forced_call(options)
    return request(conversation, tools, model=route.model, options=options)


def _without_forced_call(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Drop a tool_choice that forces a call: with it the model could never answer, and the turn would not end."""
    if options.get("tool_choice") in _FREE_CHOICES:
        return options
    return {name: value for name, value in options.items() if name != "tool_choice"}


_FREE_CHOICES: Final = (None, "auto", "none")
