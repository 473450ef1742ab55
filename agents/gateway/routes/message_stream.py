"""Routes of the streaming interface that names messages, as thin aliases. Source: "Server-Side SSE Streaming".

A session is an agent. An assistant's message is a stream, and has the stream's id. The events are JSON after `data: `,
without ids or names. A client that reconnects uses /streams/{mid}/events.
"""

from collections.abc import Iterable
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Path
from msgspec import UNSET
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
from agents.gateway.document.responses import MESSAGE_REFUSALS, answers, events, json
from agents.gateway.event_stream import Delivery, EventStream
from agents.gateway.guard.scopes import needs
from agents.gateway.parts import Items, given
from agents.gateway.routes.permission import CurrentCaller
from agents.gateway.routes.reply import Json
from agents.gateway.routes.request_body import RequestBody
from agents.gateway.visible import Everything
from agents.settings import Scope


class ChatStream(RequestBody):
    """A message to a session's agent.

    session_id: an unknown id begins a session, and the default is a new session. assistant_message_id: a reserved id;
    the default is a new id. Other keys, such as user_id and context, are ignored: the token gives the user, and the
    agent has its context. parts: after the text of query.
    """

    model_config = ConfigDict(extra="ignore")

    query: Text
    parts: Items = None
    session_id: Id | None = None
    assistant_message_id: Id | None = None


def message_stream(everything: Everything, delivery: Delivery) -> APIRouter:
    routes = APIRouter(tags=["messages"])

    @routes.post("/api/agent/chat/stream")
    @needs(Scope.CHAT)
    @answers(events(MessageEvents), refuses=MESSAGE_REFUSALS)
    async def chat_stream(body: ChatStream, caller: CurrentCaller) -> Response:
        """Send a message to a session's agent. The events are session_start, then stream_chunk and the others."""
        visible, message_id = everything.visible_to(caller), body.assistant_message_id or uuid4().hex
        session_id = await visible.begin_session(body.session_id)
        reader = await visible.ask(session_id, await given(body.query, body.parts), message_id)
        start = SessionStartMessage(session_id, message_id)
        return EventStream(reader, delivery, _Lines(), _cut, _line(start))

    @routes.post("/message/stream/{mid}/create")
    @needs(Scope.CHAT)
    @answers(json(MessageReserved, 201), refuses=(409, 422))
    async def create(mid: Annotated[Id, Path()], caller: CurrentCaller) -> Response:
        """Reserve the id of a message to stream, for the caller only, for ten minutes.

        409: the id is in use, or reserved.
        """
        return Json(await everything.visible_to(caller).reserve(mid), 201)

    @routes.post("/message/stream/{mid}/interrupt")
    @needs(Scope.CHAT)
    @answers(json(MessageInterrupted), refuses=(404, 422))
    async def interrupt(mid: Annotated[Id, Path()], caller: CurrentCaller) -> Response:
        """Stop a message that is being streamed. Its last event is `interrupted`."""
        return Json(MessageInterrupted((await everything.visible_to(caller).streams.cancel(mid)).cancelled))

    return routes


class _Lines:
    """The encoder of one answer. State: the number of chunks so far."""

    def __init__(self) -> None:
        self._chunks = 0

    def __call__(self, events: Iterable[Event]) -> bytes:
        return b"".join([_line(self._message(event)) for event in events])

    def _message(self, event: Event) -> object:
        at = UNSET if event.at is None else event.at
        match event:
            case StreamToken(text):
                self._chunks += 1
                return StreamChunkMessage(text, ChunkMetadata(self._chunks - 1), at)
            case StreamError(Cancelled(), content):
                return InterruptedMessage(content, at)
            case _:
                return {"type": name_of(event), "data": data_of(event)}


def _cut(data: CutData) -> bytes:
    return _line(CutMessage(data.code, data.message))


def _line(data: object) -> bytes:
    return b"data: %b\n\n" % to_json(data)
