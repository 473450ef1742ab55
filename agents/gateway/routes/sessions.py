"""Routes of sessions: list, show, rename, export, fork and delete them."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import APIRouter, Header, Path, Query
from msgspec import structs
from pydantic import AwareDatetime, Field
from starlette.responses import Response, StreamingResponse

from actors.slices import paced
from agents.contract.answers import SessionDeleted
from agents.contract.sessions import Session, SessionInfo, SessionPage
from agents.core.text import to_json
from agents.gateway.actions import Id, Seq
from agents.gateway.document.responses import answers, data, json, lines, partial
from agents.gateway.download import JsonLines, pieces
from agents.gateway.event_stream import Delivery
from agents.gateway.export_lines import ExportLine
from agents.gateway.guard.scopes import needs
from agents.gateway.parts import part_response
from agents.gateway.results import result_response
from agents.gateway.routes.permission import CurrentCaller
from agents.gateway.routes.reply import Json
from agents.gateway.routes.request_body import RequestBody
from agents.gateway.visible import Everything
from agents.settings import Scope
from agents.settings.values import SHA256

EMPTY_END: Final = b',"conversation":[],"streams":[]}'
"""The end of a Session without messages and streams, as JSON. Both keys come last."""

SessionId = Annotated[Id, Path()]
UnusedSince = Annotated[
    AwareDatetime | None, Query(description="409 if the session has changed since then, or is in use")
]
Hash = Annotated[str, Path(pattern=SHA256)]


class Rename(RequestBody):
    """A new title. title: null or empty text removes the title."""

    title: Annotated[str, Field(max_length=200)] | None


class Place(RequestBody):
    """A place in a stream.

    seq: of the last event that the copy has; 0: the copy omits the user's message, too. Without seq the copy has the
    whole stream.
    """

    stream_id: Id
    seq: Seq | None = None


class Fork(RequestBody):
    """A fork. id: of the new session. at: the end of the copy; the default is all turns that have ended."""

    id: Id | None = None
    at: Place | None = None


def _json(session: Session) -> Iterator[bytes]:
    """Yield the session as JSON, message by message, because a conversation may have megabytes."""
    yield to_json(structs.replace(session, conversation=(), streams=[])).removesuffix(EMPTY_END)
    yield b',"conversation":['
    yield from _joined(session.conversation)
    yield b'],"streams":['
    yield from _joined(session.streams)
    yield b"]}"


def _joined(items: Sequence[Any]) -> Iterator[bytes]:
    for place, item in enumerate(items):
        yield b"," * (place > 0) + to_json(item)


def sessions(everything: Everything, delivery: Delivery) -> APIRouter:
    routes = APIRouter(tags=["sessions"])

    @routes.get("/sessions")
    @needs(Scope.READ)
    @answers(json(SessionPage), refuses=(404, 422))
    async def list_(
        caller: CurrentCaller, after: Id | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> Response:
        """List the sessions after `after`, the last changed first. Without a store they are in order of their ids."""
        return Json(SessionPage(await everything.visible_to(caller).sessions.page(after, limit)))

    @routes.get("/sessions/{session_id}")
    @needs(Scope.READ)
    @answers(json(Session), refuses=(404, 422))
    async def show(session_id: SessionId, caller: CurrentCaller) -> Response:
        """Show a session: its conversation without the turn that runs, and its streams."""
        session = await everything.visible_to(caller).sessions.history(session_id)
        return StreamingResponse(pieces(paced(_json(session))), media_type=Json.media_type)

    @routes.patch("/sessions/{session_id}")
    @needs(Scope.CHAT)
    @answers(json(SessionInfo), refuses=(404, 409, 422))
    async def rename(session_id: SessionId, caller: CurrentCaller, body: Rename) -> Response:
        """Set the session's title."""
        return Json(await everything.visible_to(caller).sessions.rename(session_id, body.title or None))

    @routes.delete("/sessions/{session_id}")
    @needs(Scope.CHAT)
    @answers(json(SessionDeleted), refuses=(404, 409, 422))
    async def delete(session_id: SessionId, caller: CurrentCaller, unused_since: UnusedSince = None) -> Response:
        """Delete conversation, streams and events permanently. The agent is stopped. 409: the agent has a turn."""
        await everything.visible_to(caller).sessions.delete(session_id, unused_since)
        return Json(SessionDeleted(True))

    @routes.get("/sessions/{session_id}/export")
    @needs(Scope.READ)
    @answers(lines(ExportLine), refuses=(404, 409, 422))
    async def export(session_id: SessionId, caller: CurrentCaller) -> Response:
        """Export the session as JSON Lines: the session, its messages, its streams with their events, and its parts."""
        lines = everything.visible_to(caller).sessions.export(session_id)
        return await JsonLines.of(lines, f"session-{session_id}.jsonl", delivery.write_timeout_s)

    @routes.get("/sessions/{session_id}/parts/{sha256}")
    @needs(Scope.READ)
    @answers(data("The bytes of the part."), refuses=(404, 422))
    async def part(session_id: SessionId, sha256: Hash, caller: CurrentCaller) -> Response:
        """Send the bytes of an image, a sound or a file of the conversation. Their first bytes decide the type."""
        return part_response(await everything.visible_to(caller).sessions.part(session_id, sha256))

    @routes.get("/sessions/{session_id}/results/{handle}")
    @needs(Scope.READ)
    @answers(data("The text of the result."), partial("The range of its bytes."), refuses=(404, 416, 422))
    async def result(
        session_id: SessionId,
        handle: Hash,
        caller: CurrentCaller,
        wanted: Annotated[str | None, Header(alias="Range")] = None,
    ) -> Response:
        """Send the whole text of a tool's large result. Range: of bytes, as `bytes=0-999`; only one is answered."""
        return result_response(await everything.visible_to(caller).sessions.result(session_id, handle), wanted)

    @routes.post("/sessions/{session_id}/fork")
    @needs(Scope.CHAT)
    @answers(json(SessionInfo, 201), refuses=(404, 409, 422))
    async def fork(session_id: SessionId, caller: CurrentCaller, body: Fork) -> Response:
        """Make a new session that continues from the conversation."""
        at = None if body.at is None else (body.at.stream_id, body.at.seq)
        return Json(await everything.visible_to(caller).sessions.fork(session_id, body.id or uuid4().hex, at), 201)

    return routes
