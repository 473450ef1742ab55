"""Streams: read one from any place on, and decide what it does."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query
from pydantic import ConfigDict, WithJsonSchema
from starlette.responses import Response

from agents.contract.answers import StreamCancelled, StreamSteered, StreamSummary
from agents.contract.wire import StreamEvents
from agents.gateway.actions import Id, Text
from agents.gateway.document.responses import answers, json, nothing
from agents.gateway.document.responses import events as server_sent
from agents.gateway.errors import Refusal
from agents.gateway.event_stream import ErrorEvent, EventStream, Pace, frames_of
from agents.gateway.routes.asking import Asking
from agents.gateway.routes.reply import Json
from agents.gateway.visible import Known
from agents.settings.values import TextOnly
from agents.tools.approval import Decided

StreamId = Annotated[Id, Path()]
_A_SEQ = WithJsonSchema({"type": "integer", "minimum": 0, "exclusiveMaximum": 2**53})
Seq = Annotated[str | None, _A_SEQ, Query(description="the seq of the last event that the client has had; 0: none")]
LastEventId = Annotated[
    str | None, _A_SEQ, Header(description="the same, as EventSource sends it; it goes before `after`")
]

DIGITS = 16
OVER = "There is no event after this one, and never will be."


class _Body(TextOnly):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Approve(_Body):
    """arguments: exactly those of the event that asked: then nothing else is approved than what was read."""

    call_id: Text
    arguments: str | None = None


class Deny(_Body):
    """reason: for the model."""

    call_id: Text
    reason: str = ""


class Steer(_Body):
    """message: what the model reads with its next model call."""

    message: Text


def streams(known: Known, pace: Pace) -> APIRouter:
    routes = APIRouter(tags=["streams"])

    @routes.get("/streams/{stream_id}")
    @answers(json(StreamSummary), refuses=(404, 422))
    async def show(stream_id: StreamId, caller: Asking) -> Response:
        """Whose it is, whether it runs, and the seq of its last event."""
        return Json(await known.by(caller).show(stream_id))

    @routes.get("/streams/{stream_id}/events")
    @answers(server_sent(StreamEvents), nothing(OVER), refuses=(404, 422))
    async def events(
        stream_id: StreamId,
        caller: Asking,
        after: Seq = None,
        last_event_id: LastEventId = None,
        error_event: ErrorEvent = "error",
    ) -> Response:
        """The events that came after, then those that come. 204: there is none, and never will be."""
        place = _seq(after, "after") if last_event_id is None else _seq(last_event_id, "Last-Event-ID")
        reader = await known.by(caller).follow(stream_id, place)
        return Response(status_code=204) if reader is None else EventStream(reader, pace, frames_of(error_event))

    @routes.post("/streams/{stream_id}/cancel")
    @answers(json(StreamCancelled), refuses=(404, 422))
    async def cancel(stream_id: StreamId, caller: Asking) -> Response:
        """End the turn; what had arrived is kept. Answered when its tools are dead."""
        return Json(await known.by(caller).cancel(stream_id))

    @routes.post("/streams/{stream_id}/approve")
    @answers(json(Decided), refuses=(404, 409, 422))
    async def approve(stream_id: StreamId, caller: Asking, body: Approve) -> Response:
        """Have a call run that an approval_required asked for."""
        return Json(await known.by(caller).approve(stream_id, body.call_id, body.arguments))

    @routes.post("/streams/{stream_id}/deny")
    @answers(json(Decided), refuses=(404, 409, 422))
    async def deny(stream_id: StreamId, caller: Asking, body: Deny) -> Response:
        """Have it not run."""
        return Json(await known.by(caller).deny(stream_id, body.call_id, body.reason))

    @routes.post("/streams/{stream_id}/steer")
    @answers(json(StreamSteered), refuses=(404, 409, 422))
    async def steer(stream_id: StreamId, caller: Asking, body: Steer) -> Response:
        """Say something to the turn while it runs."""
        return Json(await known.by(caller).steer(stream_id, body.message))

    return routes


def _seq(text: str | None, name: str) -> int:
    """Not pydantic's int, which takes "1_0" and " 7 "."""
    if text is None:
        return 0
    if not (text.isascii() and text.isdecimal() and len(text) <= DIGITS):
        raise Refusal(422, f"{name}: expected the seq of an event, which is digits, got {text[:40]!r}")
    return int(text)
