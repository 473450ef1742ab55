"""The transport reads bodies with any framing and any cuts, and reuses their connections."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import pairwise

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import new_event_loop
from agents.llm.http.body import push
from agents.llm.http.proxy import proxy_of
from agents.llm.http.transport import BODY, AiohttpTransport, WireBody

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


class Server:
    """A server that answers each request with separately written pieces. connections: their number so far."""

    def __init__(self, pieces: Sequence[bytes], *, then_closes: bool = False) -> None:
        self.pieces, self.then_closes = pieces, then_closes
        self.connections = 0
        self.closed = asyncio.Semaphore(0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                for piece in self.pieces:
                    writer.write(piece)
                    for _ in range(3):  # lets the client read before the next piece
                        await asyncio.sleep(0)
                if self.then_closes:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self.closed.release()


@asynccontextmanager
async def asked(server: Server) -> AsyncIterator[httpx2.AsyncClient]:
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    transport = AiohttpTransport(httpx2.URL(url))
    async with httpx2.AsyncClient(transport=transport, base_url=url, timeout=None) as client:
        yield client
    listening.close()
    for _ in range(server.connections):
        await server.closed.acquire()


async def pushed(client: httpx2.AsyncClient) -> bytes:
    """Return the next answer's body."""
    got: list[bytes] = []

    def take(chunk: bytes) -> bool:
        got.append(chunk)
        return False

    async with client.stream("GET", "/") as response:
        body: WireBody = response.extensions[BODY]
        await push(body, take)
    return b"".join(got)


def framed(payload: bytes, extension: bytes) -> bytes:
    return b"%x%b\r\n%b\r\n" % (len(payload), extension, payload)


def cut(wire: bytes, cuts: Sequence[int]) -> list[bytes]:
    borders = sorted({0, len(wire), *(number % (len(wire) + 1) for number in cuts)})
    return [wire[begin:end] for begin, end in pairwise(borders)]


CHUNKS = st.lists(st.tuples(st.binary(min_size=1, max_size=40), st.sampled_from([b"", b"", b";a=b"])), max_size=8)


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, new_event_loop])
@given(chunks=CHUNKS, cuts=st.lists(st.integers(0, 500), max_size=10), whole=st.booleans())
@settings(max_examples=60)
def test_any_framing_and_any_cut_give_the_same_bytes(
    new_loop: Callable[[], asyncio.AbstractEventLoop], chunks: list[tuple[bytes, bytes]], cuts: list[int], whole: bool
) -> None:
    """whole: each chunk is written separately, as providers do it. Otherwise the cuts are anywhere."""
    wire = [framed(payload, extension) for payload, extension in chunks]
    pieces = wire if whole else cut(b"".join(wire), cuts)

    async def twice() -> tuple[Server, bytes, bytes]:
        server = Server([CHUNKED, *pieces, b"0\r\n\r\n"])
        async with asked(server) as client:
            return server, await pushed(client), await pushed(client)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        server, first, second = runner.run(twice())
    assert first == second == b"".join(payload for payload, _ in chunks)
    assert server.connections == 1


EVENT = (
    b'data: {"choices":[{"index":0,"delta":{"content":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},"finish_reason":null}]}\n\n'
)
SIZES = [1_000, 34_000, 300_000]


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, new_event_loop])
@pytest.mark.parametrize("first", SIZES)
@pytest.mark.parametrize("second", SIZES)
def test_a25_answers_of_one_byte_chunks_that_come_at_once_are_read_to_their_end(
    new_loop: Callable[[], asyncio.AbstractEventLoop], first: int, second: int
) -> None:
    """The answers share one connection. aiohttp pauses a connection with more chunks than it buffers."""
    bodies = [(EVENT * (size // len(EVENT) + 1))[:size] for size in (first, second)]
    tiny = [b"".join(b"1\r\n%c\r\n" % byte for byte in body) for body in bodies]

    async def four() -> tuple[Server, list[bytes]]:
        server = Server([])
        async with asked(server) as client:
            got = []
            for number in range(4):
                server.pieces = [CHUNKED + tiny[number % 2] + b"0\r\n\r\n"]
                got.append(await pushed(client))
            return server, got

    with asyncio.Runner(loop_factory=new_loop) as runner:
        server, got = runner.run(four())
    assert got == bodies * 2
    assert server.connections == 1


async def test_a25_a_taker_that_has_enough_gets_the_rest_of_many_tiny_chunks_later() -> None:
    body = EVENT * 300
    tiny = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    async with asked(Server([CHUNKED + tiny + b"0\r\n\r\n"])) as client:
        for _ in range(2):
            got: list[bytes] = []

            def take(chunk: bytes, got: list[bytes] = got) -> bool:
                got.append(chunk)
                return True

            async with client.stream("GET", "/") as response:
                wire: WireBody = response.extensions[BODY]
                while sum(map(len, got)) < len(body):
                    await push(wire, take)
            assert b"".join(got) == body


@pytest.mark.parametrize(
    ("head", "then_closes"),
    [(HEAD + b"content-length: 10\r\n\r\n", False), (HEAD + b"connection: close\r\n\r\n", True)],
)
async def test_a_body_without_chunks_may_contain_text_that_looks_like_a_chunk(head: bytes, then_closes: bool) -> None:
    async with asked(Server([head, b"5\r\n", b"hello\r\n"], then_closes=then_closes)) as client:
        assert await pushed(client) == b"5\r\nhello\r\n"


async def test_all_that_has_come_is_given_before_a_body_breaks() -> None:
    got: list[bytes] = []

    def take(chunk: bytes) -> bool:
        got.append(chunk)
        return False

    async with (
        asked(Server([CHUNKED, framed(b"whole", b""), b"9\r\nhalf"], then_closes=True)) as client,
        client.stream("GET", "/") as response,
    ):
        with pytest.raises(Exception, match="payload"):
            await push(response.extensions[BODY], take)
    assert b"".join(got) == b"wholehalf"


async def test_chunks_after_a_stop_wait_for_the_next_reader() -> None:
    pieces = [CHUNKED, *(framed(b"%d" % number, b"") for number in range(50)), b"0\r\n\r\n"]
    got: list[bytes] = []

    def take(chunk: bytes) -> bool:
        got.append(chunk)
        return True

    server = Server(pieces)
    async with asked(server) as client:
        async with client.stream("GET", "/") as response:
            body: WireBody = response.extensions[BODY]
            for _ in range(3):
                await push(body, take)
            assert len(got) == 3
            rest = b"".join([chunk async for chunk in body])
        assert b"".join(got) + rest == b"".join(b"%d" % number for number in range(50))
        await pushed(client)
    assert server.connections == 1


async def test_an_abandoned_body_is_closed_and_reads_no_more() -> None:
    got: list[bytes] = []
    heard = asyncio.Event()

    def take(chunk: bytes) -> bool:
        got.append(chunk)
        heard.set()
        return False

    server = Server([CHUNKED, framed(b"one", b"")])
    async with asked(server) as client:
        async with client.stream("GET", "/") as response:
            pushing = asyncio.create_task(push(response.extensions[BODY], take))
            await heard.wait()
            pushing.cancel()
            await asyncio.wait({pushing})
        assert pushing.cancelled()
        assert got == [b"one"]
        server.pieces = [CHUNKED, framed(b"two", b""), b"0\r\n\r\n"]
        assert await pushed(client) == b"two"
    assert server.connections == 2


async def test_an_error_of_the_taker_is_raised_from_push() -> None:
    def take(chunk: bytes) -> bool:
        raise LookupError(chunk)

    async with (
        asked(Server([CHUNKED, framed(b"one", b"")])) as client,
        client.stream("GET", "/") as response,
    ):
        with pytest.raises(LookupError, match="one"):
            await push(response.extensions[BODY], take)


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "https://api.example.com/v1", None),
        ({"https_proxy": "http://proxy:3128"}, "https://api.example.com/v1", "http://proxy:3128"),
        ({"https_proxy": "proxy:3128"}, "https://api.example.com/v1", "http://proxy:3128"),
        ({"https_proxy": "http://proxy:3128"}, "http://localhost/v1", None),
        ({"all_proxy": "http://proxy:3128"}, "http://localhost/v1", "http://proxy:3128"),
        ({"all_proxy": "http://proxy:3128", "no_proxy": "localhost"}, "http://localhost/v1", None),
    ],
)
def test_the_proxy_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], url: str, proxy: str | None
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_of(httpx2.URL(url).scheme, httpx2.URL(url).host) == proxy


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, new_event_loop])
def test_a_body_that_comes_all_at_once_leaves_others_their_turn(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    turns, at = 0, set[int]()

    def take(chunk: bytes) -> bool:
        at.add(turns)
        return False

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def measured() -> None:
        event = framed(b"x" * 4000, b"")
        async with asked(Server([CHUNKED, event * 2000, b"0\r\n\r\n"])) as client:
            beside = asyncio.create_task(other())
            async with client.stream("GET", "/") as response:
                await push(response.extensions[BODY], take)
            beside.cancel()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(measured())
    assert len(at) >= 8_000_000 // 512_000
