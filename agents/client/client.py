"""Requests to a daemon, and its streams. A stream reconnects when its connection breaks."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Self, TypeAlias
from uuid import uuid4

import aiohttp
import msgspec

from agents.client.answer import check, check_events, data_in, failure
from agents.client.errors import ClientError, Refused, Unreachable
from agents.client.frames import Frames
from agents.client.paths import path
from agents.client.place import Place, place_in
from agents.client.question import question
from agents.contract.sessions import Session, SessionInfo
from agents.contract.spending import SpendBy, SpendReport
from agents.contract.wire import event_of
from agents.core.events import TERMINAL, Event
from agents.parts.given import Media, Text

Headers: TypeAlias = Mapping[str, str]
NO_HEADERS: Final[Headers] = {}

TIMEOUT_S: Final = 30.0
SILENCE_S: Final = 60.0  # a gateway sends a comment every few seconds
ENDLESS: Final = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT_S, sock_read=SILENCE_S)
PATIENCE_S: Final = 60.0  # how long a stream tries to reconnect to its daemon
PAUSES_S: Final = (0.1, 2.0)  # between two tries: the first pause, and the longest
UNAVAILABLE: Final = 503
PASSING: Final = frozenset({422, 429, 502, 503, 504})  # statuses of a daemon that is still starting


class Client:
    """A client of a daemon, or of the nodes of a cluster, used in an `async with`.

    Its methods raise ClientError, with one line each.
    """

    def __init__(self, url: str | Sequence[str], token: str) -> None:
        """Use the daemon at this URL. With several URLs, each a node of one cluster, use the next one if one refuses.

        A node refuses if nothing listens there, or if it answers 503. A request that may have been carried out is not
        repeated, but a stream goes on at the next node.
        """
        urls = [url] if isinstance(url, str) else list(url)
        if not urls:
            raise ValueError("expected the URL of a daemon, or several, got none")
        self._places = deque(Place(each.rstrip("/"), token) for each in urls)
        self._find: Callable[[], Place] = lambda: self._places[0]

    @classmethod
    def found(cls, state_dir: Path | None = None, token_file: Path | None = None) -> Self:
        """Return a client of the daemon with this state directory; None: this user's daemon. Raises NoDaemon.

        The client also finds a daemon that restarts at another port. token_file: with another token than the daemon's.
        """
        client = cls("", "")
        client._find = lambda: place_in(state_dir, token_file)
        client._find()
        return client

    @property
    def url(self) -> str:
        """The address of the daemon, or of the node that the next request asks first. Raises NoDaemon."""
        return self._find().url

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def get(self, where: str, **query: str | int) -> Any:
        """Return the answer, as JSON data. Raises Refused, Unreachable, NoDaemon."""
        return await self._asked("GET", where, params=query)

    async def post(self, where: str, body: Any = None) -> Any:
        return await self._asked("POST", where, json=body if body is not None else {})

    async def delete(self, where: str) -> Any:
        return await self._asked("DELETE", where, json={})

    async def sessions(self, after: str | None = None, limit: int = 100) -> list[SessionInfo]:
        """Return a page of sessions: those that changed last come first. after: the last id of the previous page."""
        page = {} if after is None else {"after": after}
        answer = await self.get("/sessions", limit=limit, **page)
        return msgspec.convert(answer["sessions"], list[SessionInfo])

    async def spending(self, by: SpendBy, since: datetime | None = None) -> SpendReport:
        """Return what model calls have spent since a time: those of all users for the scope admin, else the user's."""
        given = {} if since is None else {"since": since.isoformat()}
        return msgspec.convert(await self.get("/spend", by=by, **given), SpendReport)

    async def session(self, session_id: str) -> Session:
        return msgspec.convert(await self.get(path("sessions", session_id)), Session)

    async def rename_session(self, session_id: str, title: str | None) -> None:
        """Set the title of a session; None removes it."""
        await self._asked("PATCH", path("sessions", session_id), json={"title": title})

    async def delete_session(self, session_id: str, unused_since: datetime | None = None) -> None:
        """Delete a session and its agent. Raises Refused, 409, while the agent has a turn.

        unused_since: also refuse if the agent runs, or if the session has changed since this time.
        """
        query = {} if unused_since is None else {"unused_since": unused_since.isoformat()}
        await self._asked("DELETE", path("sessions", session_id), json={}, params=query)

    async def fork_session(
        self, session_id: str, new_id: str | None = None, at: tuple[str, int | None] | None = None
    ) -> str:
        """Copy a session up to a place, and return the new session's id.

        at: a stream, and the seq of an event in the stream, or None for its last event. Without `at` the copy has all
        turns that have ended.
        """
        place = {} if at is None else {"at": {"stream_id": at[0], "seq": at[1]}}
        named = {} if new_id is None else {"id": new_id}
        answer = await self.post(path("sessions", session_id, "fork"), {**named, **place})
        return str(answer["id"])

    async def export_session(self, session_id: str) -> AsyncGenerator[bytes, None]:
        """Yield the session as JSON Lines, in pieces. Raises Unreachable if the connection breaks."""
        async with self._answered("GET", path("sessions", session_id, "export"), ENDLESS) as answer:
            async for chunk in answer.content.iter_any():
                yield chunk

    # Streams

    async def ask(
        self, agent_id: str, message: str, stream_id: str | None = None, parts: Sequence[Text | Media] = ()
    ) -> AsyncGenerator[Event, None]:
        """Ask an agent, and yield the events of the answer. If the loop ends early, the turn continues.

        stream_id: an id chosen by the caller. A repeated request with the same id gets the same answer.
        parts: images, sounds, files and further texts, after the message.
        """
        stream_id = stream_id or uuid4().hex
        sent = question(message, stream_id, parts)
        seq = 0
        try:
            async with aclosing(self._read("POST", path("agents", agent_id, "stream"), stream_id, **sent)) as events:
                async for event in events:
                    seq = event.seq
                    yield event
                    if isinstance(event, TERMINAL):
                        return
        except Unreachable:
            if not seq:
                raise
        async with aclosing(self.events(stream_id, after=seq)) as events:
            async for event in events:
                yield event

    async def events(self, stream_id: str, after: int = 0) -> AsyncGenerator[Event, None]:
        """Yield a stream's events after the seq `after`, up to the last one, without gap or repeat."""
        began_s, pause_s = _now_s(), PAUSES_S[0]
        resuming = bool(after)
        while True:
            try:
                where, query = path("streams", stream_id, "events"), {"after": after}
                async with aclosing(self._read("GET", where, stream_id, params=query)) as events:
                    async for event in events:
                        after, began_s, pause_s, resuming = event.seq, _now_s(), PAUSES_S[0], True
                        yield event
                        if isinstance(event, TERMINAL):
                            return
            except _Over:
                return
            except ClientError as failed:
                passing = not isinstance(failed, Refused) or failed.status in PASSING
                if not (resuming and passing) or _now_s() - began_s > PATIENCE_S:
                    raise
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSES_S[1])

    async def _read(self, method: str, where: str, stream_id: str, **more: Any) -> AsyncGenerator[Event, None]:
        """Yield events over one connection, which may end before the stream does."""
        frames = Frames()
        async with self._answered(method, where, ENDLESS, **more) as answer:
            if answer.status == 204:
                raise _Over
            check_events(answer)
            async for chunk in answer.content.iter_any():
                for frame in frames.feed(chunk):
                    if frame.id is None:  # a cut, which does not belong to the stream
                        continue
                    if (event := event_of(frame.name, frame.data, stream_id, frame.id)) is not None:
                        yield event
        self._places.rotate(-1)  # the node ended the answer before the stream's end

    async def _asked(self, method: str, where: str, **more: Any) -> Any:
        async with self._answered(method, where, aiohttp.ClientTimeout(total=TIMEOUT_S), **more) as answer:
            return data_in(answer, await answer.read())

    @asynccontextmanager
    async def _answered(
        self,
        method: str,
        where: str,
        timeout: aiohttp.ClientTimeout,
        headers: Headers = NO_HEADERS,
        body: bytes | None = None,
        **more: Any,
    ) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        """Send a request to the first node that does not refuse. Failures, also in the block, raise ClientError."""
        left = len(self._places)
        while True:
            left -= 1
            place = self._find()
            try:
                async with self._http.request(
                    method,
                    place.url + where,
                    headers={**place.headers, **headers},
                    timeout=timeout,
                    ssl=place.trust,
                    data=None if body is None else BytesIO(body),  # aiohttp sends a large body in pieces
                    **more,
                ) as answer:
                    if answer.status == UNAVAILABLE and left > 0:
                        self._places.rotate(-1)
                        continue
                    await check(answer)
                    yield answer
                    return
            except (aiohttp.ClientError, TimeoutError) as failed:
                self._places.rotate(-1)
                if left <= 0 or not isinstance(failed, aiohttp.ClientConnectorError):
                    raise failure(place, failed) from None


class _Over(Exception):
    """The stream has ended, and has no further events."""


def _now_s() -> float:
    return asyncio.get_running_loop().time()
