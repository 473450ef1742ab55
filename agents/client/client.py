"""Requests to a daemon, and its streams, which go on by themselves when a connection breaks."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote
from uuid import uuid4

import aiohttp
import msgspec

from agents.client.errors import ClientError, Refused, Unreachable
from agents.client.events import event_of
from agents.client.frames import Frames
from agents.client.place import Place, place_in
from agents.core.events import TERMINAL, Event

TIMEOUT_S: Final = 30.0
SILENCE_S: Final = 60.0  # a gateway gives a sign of life every few seconds
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
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT_S, sock_read=SILENCE_S)
        place = self._find()
        try:
            async with self._http.request(
                method, place.url + where, headers=_headers(place), timeout=timeout, ssl=place.trust, **more
            ) as answer:
                await _check(answer)
                if answer.status == 204:
                    raise _Over
                async for chunk in answer.content.iter_any():
                    for frame in frames.feed(chunk):
                        if (event := event_of(frame, stream_id)) is not None:
                            yield event
        except (aiohttp.ClientError, TimeoutError) as failed:
            raise _unreachable(place, failed) from None

    async def _asked(self, method: str, where: str, **more: Any) -> Any:
        place = self._find()
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with self._http.request(
                method, place.url + where, headers=_headers(place), timeout=timeout, ssl=place.trust, **more
            ) as answer:
                await _check(answer)
                return msgspec.json.decode(await answer.read() or b"null")
        except (aiohttp.ClientError, TimeoutError) as failed:
            raise _unreachable(place, failed) from None


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


def _unreachable(place: Place, failed: Exception) -> Unreachable:
    match failed:
        case aiohttp.ClientSSLError():
            why = "its certificate is not trusted, or it speaks no TLS"
        case aiohttp.ClientConnectorError():
            why = "no daemon listens there"
        case TimeoutError():
            why = "it does not answer"
        case _:
            why = "the connection broke"
    return Unreachable(f"{place.url}: {why}")


def _now_s() -> float:
    return asyncio.get_running_loop().time()
