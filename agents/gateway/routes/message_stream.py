"""The routes of the streaming interface that names messages: thin aliases. Source: "Server-Side SSE Streaming".

A session is an agent, an assistant's message the stream that becomes it: its id is the stream's. The events are JSON
lines behind `data: `, without ids or names; who wants to come back uses /streams/{mid}/events.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Path
from pydantic import ConfigDict
from starlette.responses import Response

from agents.core.errors import Cancelled
from agents.core.events import Event, StreamError, StreamToken
from agents.core.text import to_json
from agents.gateway.actions import Id, Text
from agents.gateway.routes.asking import Asking
from agents.gateway.routes.reply import REFUSALS, Json
from agents.gateway.sse import EventStream, Pace
from agents.gateway.streams import Known
from agents.gateway.wire import data_of, name_of
from agents.settings.values import TextOnly


class ChatStream(TextOnly):
    """assistant_message_id: as reserved; without one there is a new one. What else it says (user_id, context) is of no
    use here: who asks is who has the token, and an agent has its context."""

    model_config = ConfigDict(frozen=True)

    query: Text
    session_id: Id
    assistant_message_id: Id | None = None


def message_stream(known: Known, pace: Pace) -> APIRouter:
    routes = APIRouter(tags=["messages"], responses=REFUSALS)

    @routes.post("/api/agent/chat/stream")
    async def chat_stream(body: ChatStream, caller: Asking) -> Response:
        """Ask a session's agent: session_start, then stream_chunk and the other events."""
        message_id = body.assistant_message_id or uuid4().hex
        reader = await known.by(caller).ask(body.session_id, body.query, message_id)
        start = {"type": "session_start", "session_id": body.session_id, "assistant_message_id": message_id}
        return EventStream(reader, pace, _lines, _line(start))

    @routes.post("/message/stream/{mid}/create")
    async def create(mid: Annotated[Id, Path()], caller: Asking) -> Response:
        """Whether a message may be streamed with this id; it is taken when that begins. 409: another one has it."""
        await known.by(caller).check_free(mid)
        return Json({"assistant_message_id": mid}, 201)

    @routes.post("/message/stream/{mid}/interrupt")
    async def interrupt(mid: Annotated[Id, Path()], caller: Asking) -> Response:
        """Stop a message while it is streamed: its last event is `interrupted`."""
        return Json({"interrupted": (await known.by(caller).cancel(mid))["cancelled"]})

    return routes


def _lines(events: Iterable[Event]) -> bytes:
    return b"".join([_line(_said(event)) for event in events])


def _line(said: Mapping[str, object]) -> bytes:
    return b"data: %b\n\n" % to_json(said)


def _said(event: Event) -> dict[str, object]:
    match event:
        case StreamToken(text):
            return {"type": "stream_chunk", "content": text, "metadata": {"index": event.seq}}
        case StreamError(Cancelled(), content):
            return {"type": "interrupted", "content": content}
        case _:
            return {"type": name_of(event), "data": data_of(event)}
