"""Sessions: list them, read one, give it a title, take it along, fork it, delete it."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import APIRouter, Path, Query
from msgspec import structs
from pydantic import ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from actors.slices import paced
from agents.contract.answers import SessionDeleted
from agents.contract.sessions import Session, SessionInfo, SessionPage
from agents.core.text import to_json
from agents.gateway.actions import Id, Seq
from agents.gateway.document.responses import answers, json, lines
from agents.gateway.download import JsonLines, pieces
from agents.gateway.event_stream import Pace
from agents.gateway.export_lines import ExportLine
from agents.gateway.guard.caller import Caller
from agents.gateway.own_sessions import seen_by
from agents.gateway.routes.asking import Asking
from agents.gateway.routes.reply import Json
from agents.gateway.visible import Known
from agents.sessions import UnknownSession
from agents.settings.values import TextOnly

NOTHING_SAID: Final = b',"conversation":[],"streams":[]}'
"""The end of a Session as JSON, whose messages and streams come last."""

SessionId = Annotated[Id, Path()]


class _Body(TextOnly):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rename(_Body):
    """title: null or empty takes it away."""

    title: Annotated[str, Field(max_length=200)] | None


class Place(_Body):
    """seq: of an event of the stream, whose answer is taken up to it; 0: the stream's message is left out, too. Without
    one the stream is taken whole."""

    stream_id: Id
    seq: Seq | None = None


class Fork(_Body):
    """id: of the new session. at: up to where the conversation is taken; without it, all turns that have ended."""

    id: Id | None = None
    at: Place | None = None


def _json(session: Session) -> Iterator[bytes]:
    """As JSON, message by message: a conversation may have megabytes."""
    yield to_json(structs.replace(session, conversation=(), streams=[])).removesuffix(NOTHING_SAID)
    yield b',"conversation":['
    yield from _joined(session.conversation)
    yield b'],"streams":['
    yield from _joined(session.streams)
    yield b"]}"


def _joined(items: Sequence[Any]) -> Iterator[bytes]:
    for place, item in enumerate(items):
        yield b"," * (place > 0) + to_json(item)


def sessions(known: Known, pace: Pace) -> APIRouter:
    routes = APIRouter(tags=["sessions"])

    async def found(session_id: str, caller: Caller) -> SessionInfo:
        """Every route comes to its session by this. Raises UnknownSession, also for another's."""
        session = await seen_by(caller, known.sessions).session(session_id)
        if session is None:
            raise UnknownSession(session_id)
        return session

    @routes.get("/sessions")
    @answers(json(SessionPage), refuses=(404, 422))
    async def list_(
        caller: Asking, after: Id | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> Response:
        """The sessions, those behind `after`: those that changed last first. Without a store, in order of their ids."""
        return Json(SessionPage(await seen_by(caller, known.sessions).sessions(after, limit)))

    @routes.get("/sessions/{session_id}")
    @answers(json(Session), refuses=(404, 422))
    async def show(session_id: SessionId, caller: Asking) -> Response:
        """Its conversation, without the turn that runs; and its streams, which can be read, or forked at."""
        session = await known.sessions.history((await found(session_id, caller)).id)
        return StreamingResponse(pieces(paced(_json(session))), media_type=Json.media_type)

    @routes.patch("/sessions/{session_id}")
    @answers(json(SessionInfo), refuses=(404, 409, 422))
    async def rename(session_id: SessionId, caller: Asking, body: Rename) -> Response:
        """Give it a title."""
        await known.sessions.rename((await found(session_id, caller)).id, body.title or None)
        return Json(await found(session_id, caller))

    @routes.delete("/sessions/{session_id}")
    @answers(json(SessionDeleted), refuses=(404, 409, 422))
    async def delete(session_id: SessionId, caller: Asking) -> Response:
        """Conversation, streams and events, for good. Its agent is stopped; 409 while that has a turn."""
        await known.sessions.delete((await found(session_id, caller)).id)
        return Json(SessionDeleted(True))

    @routes.get("/sessions/{session_id}/export")
    @answers(lines(ExportLine), refuses=(404, 409, 422))
    async def export(session_id: SessionId, caller: Asking) -> Response:
        """All of it as JSON Lines: the session, its messages, its streams, each with its events."""
        lines = known.sessions.export((await found(session_id, caller)).id)
        return await JsonLines.of(lines, f"session-{session_id}.jsonl", pace.write_timeout_s)

    @routes.post("/sessions/{session_id}/fork")
    @answers(json(SessionInfo, 201), refuses=(404, 409, 422))
    async def fork(session_id: SessionId, caller: Asking, body: Fork) -> Response:
        """A new session that goes on from its conversation."""
        new_id = body.id or uuid4().hex
        at = None if body.at is None else (body.at.stream_id, body.at.seq)
        await known.by(caller).fork((await found(session_id, caller)).id, new_id, at)
        return Json(await found(new_id, caller), 201)

    return routes
