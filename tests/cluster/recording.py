"""A client that records one stream, and goes to another node when one fails or refuses."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, Self

import aiohttp
from msgspec import Struct

from agents.client.frames import Frames
from agents.contract.wire import event_of
from agents.core.events import TERMINAL, Event, StreamToken

SILENCE_S = 1.5
"""A gateway sends a comment every 0.3 s, so a node that is silent for this time has failed."""

SHUNNED_S = 5.0
"""A node that failed is not asked for this time, unless all have failed."""

PAUSE_S = 0.2
"""The pause before the next node is asked."""

LIMIT_S = 120.0


class Address(Protocol):
    """A gateway to ask: a node, or all nodes that share a port."""

    @property
    def name(self) -> str: ...

    @property
    def url(self) -> str: ...


class Arrival(Struct, frozen=True):
    """An event as the client got it. at_s: by the monotonic clock of the test."""

    event: Event
    at_s: float
    node: str


class Refusal(Struct, frozen=True):
    """An answer that refused. retry_after: the header, or None."""

    at_s: float
    node: str
    status: int
    text: str
    retry_after: str | None


class Recording:
    """A stream as its client saw it.

    nodes: where the client asks, in turn. first: the place of the first one. patience_s: the time without an event
    after which the client leaves a node.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        token: str,
        nodes: Callable[[], Sequence[Address]],
        message: str,
        first: int = 0,
        patience_s: float = LIMIT_S,
    ) -> None:
        self.message = self.session_id = message
        self.stream_id = f"stream-{message}"
        self.arrivals: list[Arrival] = []
        self.refusals: list[Refusal] = []
        self.failures: list[str] = []
        self._http, self._headers, self._nodes = http, {"Authorization": f"Bearer {token}"}, nodes
        self._turn, self._patience_s = first, patience_s
        self._shunned: dict[str, float] = {}
        self._over = False
        self._news = asyncio.Event()

    @property
    def events(self) -> list[Event]:
        return [arrival.event for arrival in self.arrivals]

    @property
    def node(self) -> str:
        """The node that sent the last event."""
        return self.arrivals[-1].node if self.arrivals else ""

    @property
    def is_over(self) -> bool:
        return self._over or (bool(self.arrivals) and isinstance(self.arrivals[-1].event, TERMINAL))

    def first_after(self, at_s: float, *, not_from: str = "") -> float:
        """Return the seconds from a moment to the first event after it that another node than `not_from` sent."""
        return next(each.at_s for each in self.arrivals if each.at_s > at_s and each.node != not_from) - at_s

    async def run(self) -> None:
        """Ask, and follow the stream to its end, through whatever happens to the nodes."""
        try:
            async with asyncio.timeout(LIMIT_S):
                await self._until_done(self._ask)
                await self._until_done(self._follow)
        except TimeoutError:
            raise AssertionError(f"no end within {LIMIT_S:g} s: {self.report()}") from None
        finally:
            self._over = True
            self._news.set()

    def report(self, *events: Event) -> str:
        """Return what a failing check needs to be understood. events: those that it is about."""
        arrivals = [
            f"{each.at_s:.2f} {each.node} {each.event.seq}.{each.event.attempt} {type(each.event).__name__}"
            for each in self.arrivals
            if not isinstance(each.event, StreamToken)
        ]
        failures = [*self.failures[-5:], *map(str, self.refusals[-5:])]
        return "\n".join([self.stream_id, *map(str, events), *arrivals, *failures])

    async def more_than(self, count: int) -> None:
        """Wait until more than this number of events has arrived, or the recording is over."""
        while len(self.arrivals) <= count and not self.is_over:
            self._news.clear()
            await self._news.wait()

    async def _until_done(self, step: Callable[[Address], Any]) -> None:
        while True:
            nodes = [node for node in self._nodes() if self._shunned.get(node.name, 0.0) < time.monotonic()]
            if nodes := nodes or list(self._nodes()):
                node = nodes[self._turn % len(nodes)]
                try:
                    if await step(node):
                        return
                except (aiohttp.ClientError, TimeoutError) as failed:
                    self.failures.append(f"{node.name}: {type(failed).__name__}: {failed}")
                    self._shunned[node.name] = time.monotonic() + SHUNNED_S
                self._turn += 1
            await asyncio.sleep(PAUSE_S)

    async def _ask(self, node: Address) -> bool:
        """Send the message. The stream's id makes a repeated request harmless."""
        body = {"query": self.message, "session_id": self.session_id, "assistant_message_id": self.stream_id}
        async with self._http.post(f"{node.url}/api/agent/chat/stream", json=body, headers=self._headers) as answer:
            if answer.status != 200:
                return await self._refused(node, answer)
            read = b""
            async for chunk in answer.content.iter_any():
                read += chunk
                if b'"type":"start"' in read:  # the first event: the turn is on disk
                    return True
        return False

    async def _follow(self, node: Address) -> bool:
        last = self.events[-1].seq if self.arrivals else 0
        headers = {**self._headers, "Last-Event-ID": str(last)}
        frames, last_s = Frames(), time.monotonic()
        async with self._http.get(f"{node.url}/streams/{self.stream_id}/events", headers=headers) as answer:
            if answer.status != 200:
                return await self._refused(node, answer)
            async for chunk in answer.content.iter_any():
                for frame in frames.feed(chunk):
                    if frame.id is None:
                        self.failures.append(f"{node.name}: {frame.name} {frame.data.decode()}")
                        continue
                    event = event_of(frame.name, frame.data, self.stream_id, frame.id)
                    if event is not None:
                        last_s = time.monotonic()
                        self.arrivals.append(Arrival(event, last_s, node.name))
                        self._news.set()
                    if isinstance(event, TERMINAL):
                        return True
                if time.monotonic() - last_s > self._patience_s:
                    break
        return False

    async def _refused(self, node: Address, answer: aiohttp.ClientResponse) -> bool:
        retry_after = answer.headers.get("Retry-After")
        self.refusals.append(Refusal(time.monotonic(), node.name, answer.status, await answer.text(), retry_after))
        return False


class Crowd:
    """Many recordings, which begin one after the other within over_s. All of them have ended after the block.

    first: the place among the nodes of the one that each recording asks first.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        token: str,
        nodes: Callable[[], Sequence[Address]],
        messages: Sequence[str],
        over_s: float = 0.0,
        first: Callable[[int], int] = int,
        patience_s: float = LIMIT_S,
    ) -> None:
        self.recordings = [
            Recording(http, token, nodes, message, first(number), patience_s) for number, message in enumerate(messages)
        ]
        self._pause_s = over_s / max(len(messages), 1)
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._starting = asyncio.create_task(self._start())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for task in (self._starting, *self._tasks):
                task.cancel()
        await asyncio.gather(self._starting, return_exceptions=True)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if kind is None:
            for task in self._tasks:
                task.result()

    async def all_begun(self) -> None:
        """Wait until each stream has sent an event."""
        await self._starting
        await asyncio.gather(*(each.more_than(0) for each in self.recordings))

    async def all_further(self) -> None:
        """Wait until each stream that is not over has sent another event."""
        await asyncio.gather(*(each.more_than(len(each.arrivals)) for each in self.recordings))

    def at(self, node: str) -> list[Recording]:
        """Return the recordings that follow a stream of this node now."""
        return [each for each in self.recordings if each.node == node and not each.is_over]

    async def _start(self) -> None:
        for recording in self.recordings:
            self._tasks.append(asyncio.create_task(recording.run()))
            await asyncio.sleep(self._pause_s)


def session() -> aiohttp.ClientSession:
    """Return the HTTP session of many recordings."""
    limits = aiohttp.ClientTimeout(total=None, sock_connect=SILENCE_S, sock_read=SILENCE_S)
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=limits)
