"""Routes of streams: show, read, cancel and steer them, and decide about their calls."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query
from pydantic import WithJsonSchema
from starlette.responses import Response

from agents.contract.answers import StreamCancelled, StreamSteered, StreamSummary
from agents.contract.wire import StreamEvents
from agents.core.standing import Always
from agents.gateway.actions import GivenAnswer, Id, Text
from agents.gateway.document.responses import answers, json, nothing
from agents.gateway.document.responses import events as server_sent
from agents.gateway.errors import Refusal
from agents.gateway.event_stream import Delivery, ErrorEvent, EventStream, frames_of
from agents.gateway.guard.scopes import needs
from agents.gateway.parts import Items, given
from agents.gateway.routes.permission import CurrentCaller
from agents.gateway.routes.reply import Json
from agents.gateway.routes.request_body import RequestBody
from agents.gateway.visible import Everything
from agents.settings import Scope
from agents.tools.approval import Decided

StreamId = Annotated[Id, Path()]
_A_SEQ = WithJsonSchema({"type": "integer", "minimum": 0, "exclusiveMaximum": 2**53})
Seq = Annotated[str | None, _A_SEQ, Query(description="the seq of the last event that the client has; 0: none")]
LastEventId = Annotated[
    str | None, _A_SEQ, Header(description="the same, as EventSource sends it; it takes precedence over `after`")
]

DIGITS = 16
OVER = "The stream has ended, and has no later event."


class Approve(RequestBody):
    """An approval of a call.

    arguments: those of the approval_required event. If the call has other arguments, the answer is 409. edited: JSON to
    run the call with instead. If the tool does not accept it, the answer is 422, and the call still waits. always:
    approve later calls of the tool, too: those of the agent, or those in this session. same_arguments: only those with
    the arguments that this call runs with.
    """

    call_id: Text
    arguments: str | None = None
    edited: str | None = None
    always: Always | None = None
    same_arguments: bool | None = None


class Deny(RequestBody):
    """A refusal of a call. reason: for the model."""

    call_id: Text
    reason: str = ""


class AnswerQuestion(RequestBody):
    """An answer to the question of a call. answer: a text, or a list of choices if the question accepts several.

    If the question does not accept it, the answer to this request is 422, and the question still waits. question: the
    text that the person was shown. If the call asks something else now, the answer to this request is 409.
    """

    call_id: Text
    answer: GivenAnswer
    question: Text | None = None


class Steer(RequestBody):
    """A message for the turn that runs. message: the model reads it with the next model call. parts: after its text."""

    message: Text
    parts: Items = None


def streams(everything: Everything, delivery: Delivery) -> APIRouter:
    routes = APIRouter(tags=["streams"])

    @routes.get("/streams/{stream_id}")
    @needs(Scope.READ)
    @answers(json(StreamSummary), refuses=(404, 422))
    async def show(stream_id: StreamId, caller: CurrentCaller) -> Response:
        """Show a stream's agent, its status, and the seq of its last event."""
        return Json(await everything.visible_to(caller).streams.show(stream_id))

    @routes.get("/streams/{stream_id}/events")
    @needs(Scope.READ)
    @answers(server_sent(StreamEvents), nothing(OVER), refuses=(404, 422))
    async def events(
        stream_id: StreamId,
        caller: CurrentCaller,
        after: Seq = None,
        last_event_id: LastEventId = None,
        error_event: ErrorEvent = "error",
    ) -> Response:
        """Read the events after a place, then each new one. 204: the stream has ended, and has no later event."""
        reader = await everything.visible_to(caller).streams.follow(stream_id, place_of(after, last_event_id))
        return Response(status_code=204) if reader is None else EventStream(reader, delivery, frames_of(error_event))

    @routes.post("/streams/{stream_id}/cancel")
    @needs(Scope.CHAT)
    @answers(json(StreamCancelled), refuses=(404, 422))
    async def cancel(stream_id: StreamId, caller: CurrentCaller) -> Response:
        """Cancel the turn, and keep its partial answer. The response comes after its tools have ended."""
        return Json(await everything.visible_to(caller).streams.cancel(stream_id))

    @routes.post("/streams/{stream_id}/approve")
    @needs(Scope.APPROVE)
    @answers(json(Decided), refuses=(404, 409, 422))
    async def approve(stream_id: StreamId, caller: CurrentCaller, body: Approve) -> Response:
        """Approve a call that waits for a decision. The call then runs."""
        decided = await everything.visible_to(caller).streams.approve(
            stream_id, body.call_id, body.arguments, body.edited, body.always, bool(body.same_arguments)
        )
        return Json(decided)

    @routes.post("/streams/{stream_id}/deny")
    @needs(Scope.APPROVE)
    @answers(json(Decided), refuses=(404, 409, 422))
    async def deny(stream_id: StreamId, caller: CurrentCaller, body: Deny) -> Response:
        """Deny a call that waits for a decision. The call does not run."""
        return Json(await everything.visible_to(caller).streams.deny(stream_id, body.call_id, body.reason))

    @routes.post("/streams/{stream_id}/answer")
    @needs(Scope.CHAT)
    @answers(json(Decided), refuses=(404, 409, 422))
    async def answer(stream_id: StreamId, caller: CurrentCaller, body: AnswerQuestion) -> Response:
        """Answer the question of a call. The answer is the call's result, or its tool goes on with it."""
        streams = everything.visible_to(caller).streams
        return Json(await streams.answer(stream_id, body.call_id, body.answer, body.question))

    @routes.post("/streams/{stream_id}/steer")
    @needs(Scope.CHAT)
    @answers(json(StreamSteered), refuses=(404, 409, 422))
    async def steer(stream_id: StreamId, caller: CurrentCaller, body: Steer) -> Response:
        """Send a message to the turn while it runs."""
        message = await given(body.message, body.parts)
        return Json(await everything.visible_to(caller).streams.steer(stream_id, message))

    return routes


def place_of(after: str | None, last_event_id: str | None) -> int:
    """Return the seq of the last event that the client has; 0 if it has none."""
    return _seq(after, "after") if last_event_id is None else _seq(last_event_id, "Last-Event-ID")


def _seq(text: str | None, name: str) -> int:
    """Return a seq from its digits. pydantic's int would also accept "1_0" and " 7 "."""
    if text is None:
        return 0
    if not (text.isascii() and text.isdecimal() and len(text) <= DIGITS):
        raise Refusal(422, f"{name}: expected the seq of an event, which is digits, got {text[:40]!r}")
    return int(text)
