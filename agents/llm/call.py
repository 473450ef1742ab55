"""One model call: send the request, and give the answer's deltas to a sink as they arrive.

Source: API reference, "Module: streaming_function_handler", for a single round with the model. The caller decides what
to do after a failure (core/retry.py).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

from msgspec import Struct

from actors.slices import in_slices
from agents.core.conversation import Conversation
from agents.core.deltas import Finished
from agents.core.errors import ApiError, ConnectionClosed, Fault, ParseError
from agents.core.retry import RetryPolicy
from agents.llm.answer import ModelCallDeadlines, Sink, give, read_answer
from agents.llm.background import read_resuming
from agents.llm.breaker import Outcome, outcome_of
from agents.llm.client import ModelClient
from agents.llm.dialects import DIALECTS
from agents.llm.endpoint import Api, ProviderFailed, Unanswered
from agents.llm.provider import acquire, report
from agents.llm.reader import StreamReader
from agents.llm.request_encoder import RequestEncoder
from agents.llm.responses import ResponsesReader
from agents.llm.route import Route

__all__ = ["ModelCallDeadlines", "ModelCallEnd", "Route", "Sink", "end_of", "model_call", "reader_of"]

KEPT, NEW = "kept", "new"
NO_RETRY: Final = RetryPolicy(max_retries=0)


class ModelCallEnd(Struct, frozen=True):
    """The end of a model call: one of its answer and its fault. first_s: the moment of the first event with data."""

    finished: Finished | None
    fault: Fault | None
    first_s: float | None


async def model_call(
    route: Route,
    conversation: Conversation,
    sink: Sink,
    *,
    tools: Sequence[Mapping[str, Any]] = (),
    deadlines: ModelCallDeadlines,
    stream: bool = True,
    retry: RetryPolicy = NO_RETRY,
    encoder: RequestEncoder | None = None,
    first: bool = True,
    request_id: str = "",
    reader: StreamReader | None = None,
) -> ModelCallEnd:
    """Send a request, give the sink the answer, and return its end.

    The last delta is Finished or Failed: each failure is a delta, too.
    tools: name, description, parameters of each. stream: False asks for the answer in one piece. A response in
    background mode is always streamed, since it would have to be polled otherwise. retry: the policy for resuming such
    a response, which loses no output. This function retries nothing else. encoder: that of the turn's earlier requests.
    first: of the turn, so that a tool_choice may force a call. request_id: ours, for the provider's log.
    reader: of reader_of(route), for a caller that wants to know after a cancellation whether the answer had ended.
    On cancellation this function closes the connection before it ends.
    """
    reader, encoder = reader or reader_of(route), encoder or RequestEncoder()
    try:
        lease = await acquire(route.endpoint)
    except ProviderFailed as failed:
        await give(sink, reader.break_off(failed.fault))
        return end_of(reader)
    try:
        streamed = stream or _in_background(route)
        body = await in_slices(encoder.body(route, conversation, tools, stream=streamed, first=first))
        try:
            await _ask(lease.client, route.api, body, reader, sink, deadlines, retry, request_id)
        except Unanswered as unanswered:
            if not streamed or _in_background(route):
                raise
            body = await in_slices(encoder.body(route, conversation, tools, stream=False, first=first))
            await _ask_whole(lease.client, route.api, body, reader, sink, deadlines, unanswered, request_id)
    except ProviderFailed as failed:
        await give(sink, reader.break_off(failed.fault))
    finally:
        report(lease, outcome_of(reader.fault, hasty=deadlines.hasty) if reader.ended else Outcome.UNKNOWN)
    return end_of(reader)


def reader_of(route: Route) -> StreamReader:
    """Return a reader of one answer over this route."""
    return DIALECTS[route.api].reader(_new_id, _in_background(route))


def end_of(reader: StreamReader) -> ModelCallEnd:
    """Return the end of the answer that the reader has read."""
    return ModelCallEnd(reader.finished, reader.fault, reader.first_s)


async def _ask(
    client: ModelClient,
    api: Api,
    body: bytes,
    reader: StreamReader,
    sink: Sink,
    deadlines: ModelCallDeadlines,
    retry: RetryPolicy,
    request_id: str,
) -> None:
    """Send the request and read its answer. Raises ProviderFailed."""
    answer = client.stream(api, body, connect_s=deadlines.connection_s, request_id=request_id)
    if isinstance(reader, ResponsesReader) and reader.background:
        await read_resuming(client, answer, reader, sink, deadlines, retry)
    else:
        await read_answer(answer, reader, sink, deadlines)


async def _ask_whole(
    client: ModelClient,
    api: Api,
    body: bytes,
    reader: StreamReader,
    sink: Sink,
    deadlines: ModelCallDeadlines,
    unanswered: Unanswered,
    request_id: str,
) -> None:
    """Ask for the same answer in one piece: only there do some servers name the error in a request.

    The server may be about to close the kept connection. Then the request goes over a new connection.
    Raises ProviderFailed with the provider's error, or `unanswered` if this answer is empty, too.
    """
    for connection in (KEPT, NEW):
        reader.begin_body()
        answer = client.stream(api, body, connect_s=deadlines.connection_s, request_id=request_id)
        try:
            await read_answer(answer, reader, sink, deadlines)
        except Unanswered:
            raise unanswered from None
        except ProviderFailed as failed:
            if isinstance(failed.fault, ApiError | ParseError) or not reader.silent:
                raise
            if connection is NEW or not isinstance(failed.fault, ConnectionClosed):
                raise unanswered from failed
        else:
            return


def _in_background(route: Route) -> bool:
    return DIALECTS[route.api].has_background and bool(route.options.get("background"))


def _new_id() -> str:
    return f"call_{uuid4().hex}"
