"""Requests to a daemon, and its streams, which go on by themselves when a connection breaks."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote
from uuid import uuid4

import aiohttp
import msgspec

from agents.client.errors import ClientError, NoDaemon, Refused, Unreachable
from agents.client.frames import Frames
from agents.client.place import Place, place_in
from agents.contract.sessions import Session, SessionInfo
from agents.contract.wire import event_of
from agents.core.events import TERMINAL, Event

TIMEOUT_S: Final = 30.0
SILENCE_S: Final = 60.0  # a gateway gives a sign of life every few seconds
ENDLESS: Final = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT_S, sock_read=SILENCE_S)
PATIENCE_S: Final = 60.0  # how long a daemon may be away before a stream is given up
PAUSES_S: Final = (0.1, 2.0)  # between two attempts: the first, and the longest
PASSING: Final = frozenset({422, 429, 502, 503, 504})  # of a daemon that comes back, and is not where it was yet


class Client:
    """In an `async with`. Raises ClientError, each with one line."""

    def __init__(self, url: str, token: str) -> None:
        self._find: Callable[[], Place] = lambda: Place(url.rstrip("/"), token)

    @classmethod
    def found(cls, state_dir: Path | None = None) -> Self:
        """Of the daemon with this state directory; None: this user's. Raises NoDaemon. A daemon that comes back at
        another port is found again."""
        client = cls("", "")
        client._find = lambda: place_in(state_dir)
        client._find()
        return client

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def get(self, where: str, **query: str | int) -> Any:
        """The answer, as JSON data. Raises Refused, Unreachable, NoDaemon."""
        return await self._asked("GET", where, params=query)

    async def post(self, where: str, body: Any = None) -> Any:
        return await self._asked("POST", where, json=body if body is not None else {})

    async def delete(self, where: str) -> Any:
        return await self._asked("DELETE", where, json={})

    # Sessions

    async def sessions(self, after: str | None = None, limit: int = 100) -> list[SessionInfo]:
        """Those behind `after`, in the daemon's order: those that changed last first."""
        behind = {} if after is None else {"after": after}
        told = await self.get("/sessions", limit=limit, **behind)
        return msgspec.convert(told["sessions"], list[SessionInfo])

    async def session(self, session_id: str) -> Session:
        return msgspec.convert(await self.get(path("sessions", session_id)), Session)

    async def rename_session(self, session_id: str, title: str | None) -> None:
        """title: None takes it away."""
        await self._asked("PATCH", path("sessions", session_id), json={"title": title})

    async def delete_session(self, session_id: str) -> None:
        """For good, and its agent with it. Raises Refused, 409, while that has a turn."""
        await self.delete(path("sessions", session_id))

    async def fork_session(
        self, session_id: str, new_id: str | None = None, at: tuple[str, int | None] | None = None
    ) -> str:
        """The id of the new session. at: a stream, and the seq of an event in it; None: the last one."""
        place = {} if at is None else {"at": {"stream_id": at[0], "seq": at[1]}}
        named = {} if new_id is None else {"id": new_id}
        told = await self.post(path("sessions", session_id, "fork"), {**named, **place})
        return str(told["id"])

    async def export_session(self, session_id: str) -> AsyncGenerator[bytes, None]:
        """JSON Lines, in pieces as they come. Raises Unreachable if they break off."""
        async with self._answered("GET", path("sessions", session_id, "export"), ENDLESS) as answer:
            async for chunk in answer.content.iter_any():
                yield chunk

    # Streams

    async def ask(self, agent_id: str, message: str, stream_id: str | None = None) -> AsyncGenerator[Event, None]:
        """The events of the answer. Leaving the loop early leaves the turn running.

        stream_id: of one's own making; who asks again by the same one gets the same answer, so this may be tried again.
        """
        stream_id = stream_id or uuid4().hex
        body = {"message": message, "stream_id": stream_id}
        seq = 0
        try:
            async with aclosing(self._read("POST", path("agents", agent_id, "stream"), stream_id, json=body)) as events:
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
        """A stream's events behind `after`, up to its last one; none is missing and none comes twice."""
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
        """Over one connection, which may end before the stream does."""
        frames = Frames()
        async with self._answered(method, where, ENDLESS, **more) as answer:
            if answer.status == 204:
                raise _Over
            async for chunk in answer.content.iter_any():
                for frame in frames.feed(chunk):
                    if frame.id is None:  # it is not the stream's: a cut
                        continue
                    if (event := event_of(frame.name, frame.data, stream_id, frame.id)) is not None:
                        yield event

    async def _asked(self, method: str, where: str, **more: Any) -> Any:
        async with self._answered(method, where, aiohttp.ClientTimeout(total=TIMEOUT_S), **more) as answer:
            return msgspec.json.decode(await answer.read() or b"null")

    @asynccontextmanager
    async def _answered(
        self, method: str, where: str, timeout: aiohttp.ClientTimeout, **more: Any
    ) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        """What goes wrong with it, also within the block, is one of our errors."""
        place = self._find()
        try:
            async with self._http.request(
                method, place.url + where, headers=_headers(place), timeout=timeout, ssl=place.trust, **more
            ) as answer:
                await _check(answer)
                yield answer
        except (aiohttp.ClientError, TimeoutError) as failed:
            raise _failure(place, failed) from None


def path(*parts: str) -> str:
    """Each part as it is, whatever it holds."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


class _Over(Exception):
    """The stream has nothing more, and never will have."""


async def _check(answer: aiohttp.ClientResponse) -> None:
    """Raises Refused."""
    if answer.status < 400:
        return
    try:
        body = msgspec.json.decode(await answer.read())
        error = body["error"]
        kind, message = str(error["type"]), str(error["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        kind, message = "error", f"the daemon answered with status {answer.status}"
    raise Refused(answer.status, kind, message)


def _headers(place: Place) -> dict[str, str]:
    return {"Authorization": f"Bearer {place.token}"}


def _failure(place: Place, failed: Exception) -> ClientError:
    match failed:
        case aiohttp.ClientSSLError():
            return Unreachable(f"{place.url}: its certificate is not trusted, or it speaks no TLS")
        case aiohttp.ClientConnectorError():
            return NoDaemon(f"{place.url}: no daemon listens there")
        case TimeoutError():
            return Unreachable(f"{place.url}: it does not answer")
        case _:
            return Unreachable(f"{place.url}: the connection broke")


def _now_s() -> float:
    return asyncio.get_running_loop().time()
