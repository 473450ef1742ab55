"""The routes of the streaming interface that names messages: thin aliases. Source: "Server-Side SSE Streaming".

A session is an agent, an assistant's message the stream that becomes it: its id is the stream's. The events are JSON
lines behind `data: `, without ids or names; who wants to come back uses /streams/{mid}/events.
"""

from collections.abc import Iterable
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Path
from pydantic import ConfigDict
from starlette.responses import Response

from agents.contract.answers import MessageInterrupted, MessageReserved
from agents.contract.events import CutData
from agents.contract.messages import (
    ChunkMetadata,
    CutMessage,
    InterruptedMessage,
    MessageEvents,
    SessionStartMessage,
    StreamChunkMessage,
)
from agents.contract.wire import data_of, name_of
from agents.core.errors import Cancelled
from agents.core.events import Event, StreamError, StreamToken
from agents.core.text import to_json
from agents.gateway.actions import Id, Text
from agents.gateway.document.responses import ASKING, answers, events, json
from agents.gateway.event_stream import EventStream, Pace
from agents.gateway.routes.asking import Asking
from agents.gateway.routes.reply import Json
from agents.gateway.visible import Known
from agents.settings.values import TextOnly


class ChatStream(TextOnly):
    """assistant_message_id: as reserved; without one there is a new one. What else it says (user_id, context) is of no
    use here: who asks is who has the token, and an agent has its context."""

    model_config = ConfigDict(frozen=True)

    query: Text
    session_id: Id
    assistant_message_id: Id | None = None


def message_stream(known: Known, pace: Pace) -> APIRouter:
    routes = APIRouter(tags=["messages"])

    @routes.post("/api/agent/chat/stream")
    @answers(events(MessageEvents), refuses=ASKING)
    async def chat_stream(body: ChatStream, caller: Asking) -> Response:
        """Ask a session's agent: session_start, then stream_chunk and the other events."""
        message_id = body.assistant_message_id or uuid4().hex
        reader = await known.by(caller).ask(body.session_id, body.query, message_id)
        start = SessionStartMessage(body.session_id, message_id)
        return EventStream(reader, pace, _lines, _cut, _line(start))

    @routes.post("/message/stream/{mid}/create")
    @answers(json(MessageReserved, 201), refuses=(409, 422))
    async def create(mid: Annotated[Id, Path()], caller: Asking) -> Response:
        """Reserve the id of a message that will be streamed: for its caller only, and for ten minutes.

        409: the id is in use, or reserved already."""
        return Json(await known.by(caller).reserve(mid), 201)

    @routes.post("/message/stream/{mid}/interrupt")
    @answers(json(MessageInterrupted), refuses=(404, 422))
    async def interrupt(mid: Annotated[Id, Path()], caller: Asking) -> Response:
        """Stop a message while it is streamed: its last event is `interrupted`."""
        return Json(MessageInterrupted((await known.by(caller).cancel(mid)).cancelled))

    return routes


def _lines(events: Iterable[Event]) -> bytes:
    return b"".join([_line(_said(event)) for event in events])


def _cut(data: CutData) -> bytes:
    return _line(CutMessage(data.code, data.message))


def _line(said: object) -> bytes:
    return b"data: %b\n\n" % to_json(said)


def _said(event: Event) -> object:
    match event:
        case StreamToken(text):
            return StreamChunkMessage(text, ChunkMetadata(event.seq))
        case StreamError(Cancelled(), content):
            return InterruptedMessage(content)
        case _:
            return {"type": name_of(event), "data": data_of(event)}
