"""A response of an earlier request, as the store has it: its stream, read to its end.

The store keeps the turn, not the request: its instructions, tools, options and metadata are not in the response.
"""

from collections.abc import AsyncIterable, Sequence
from typing import Final

from agents.contract.openai_responses import ResponseObject
from agents.core.events import Event, StreamComplete, StreamError, StreamToolResult
from agents.gateway.errors import Refusal
from agents.gateway.guard.caller import Caller
from agents.gateway.openai_api.refusals import failure_of
from agents.gateway.openai_api.responses_answer import ended, failed, output_of
from agents.gateway.visible import Everything

RESPONSE: Final = "resp_"
"""The begin of a response's id. Other streams of a session are no responses."""


async def stored_response(everything: Everything, caller: Caller, id_: str) -> ResponseObject:
    """Return a response of the caller. Raises Refusal."""
    visible = everything.visible_to(caller)
    kept = await visible.sessions.kept_stream(id_) if id_.startswith(RESPONSE) else None
    if kept is None:
        raise Refusal(404, f"expected the id of a stored response, got {id_!r}"[:200], param="response_id")
    model = (await visible.sessions.info(kept.session_id)).name
    begun = ResponseObject(id=id_, created_at=int(kept.begun_at.timestamp()), model=model, store=True)
    return await _at_its_end(begun, visible.streams.events(id_))


async def _at_its_end(begun: ResponseObject, pages: AsyncIterable[Sequence[Event]]) -> ResponseObject:
    """Return the response with its output, if its turn has ended."""
    own: set[str] = set()
    last: Event | None = None
    async for events in pages:
        own |= {event.tool_call.name for event in events if isinstance(event, StreamToolResult)}
        last = events[-1] if events else last
    match last:
        case StreamComplete(response):
            clients = {call.name for call in response.tool_calls} - own  # a tool of both is refused at the request
            return ended(begun, response, output_of(begun.id, response, clients))
        case StreamError(fault):
            return failed(begun, failure_of(fault), ())
    return begun
