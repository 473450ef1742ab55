"""Clients that lose their connection anywhere and reconnect with their last id: no loss, no repeat."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from random import Random
from resource import RLIMIT_NOFILE, getrlimit, setrlimit
from typing import Any, TypeAlias

import pytest
from msgspec import Struct

from agents.settings import GatewaySettings, StreamingSettings
from tests.agents.gateway.site import Site, events

SENTENCE = " ".join(f"word{number}" for number in range(200))
SCRIPT = f"""
[models.talker]
token_delay_s = 0.01
turns = [{{ steps = [
    {{ text = "{SENTENCE}", tool_calls = [{{ name = "calculator", arguments = {{ expression = "6 * 7" }} }}] }},
    {{ text = "It is {{result:0}}." }},
] }}]

[models.brief]
token_delay_s = 0.1
turns = [{{ steps = [{{ text = "{" ".join(f"w{number}" for number in range(20))}" }}] }}]
"""
GATEWAY = GatewaySettings(port=0, max_connections=3000)
STREAMING = StreamingSettings(buffer_size=16)
STREAMS, CLIENTS, DROPS = 8, 100, 4
STORM = 600
NO_PLACES = ["-1", "1.5", "one", "", " 1", "1_0", "\u0661", "9" * 16, "9" * 400, "0x1", "1,2"]


class Piece(Struct, frozen=True):
    """An event that a client received over either protocol."""

    name: str
    seq: int
    joined: int
    data: Any


Pieces: TypeAlias = AsyncGenerator[Piece, None]


async def by_sse(site: Site, stream_id: str, after: int, random: Random) -> Pieces:
    place = {"params": {"after": after}} if random.random() < 0.5 else {"headers": {"Last-Event-ID": str(after)}}
    async with site.http.get(f"{site.url}/streams/{stream_id}/events", **place) as response:
        assert response.status in (200, 204)
        async for event in events(response):
            assert event.id is not None
            yield Piece(event.name, event.id, event.data.get("joined", 1), event.data)


async def by_socket(site: Site, stream_id: str, after: int, _random: Random) -> Pieces:
    async with site.socket() as socket:
        await socket.send_json({"action": "subscribe", "stream_id": stream_id, "after": after})
        answer = await socket.receive_json(timeout=60)
        assert answer["type"] == "answer", answer
        while not answer["data"]["over"]:
            message = await socket.receive_json(timeout=60)
            yield Piece(message["type"], message["seq"], message.get("joined", 1), message["data"])


async def client(site: Site, stream_id: str, seed: int) -> list[Piece]:
    """Read a stream to its end, and disconnect several times. Each connection uses another protocol."""
    random = Random(seed)
    had: list[Piece] = []
    for patience in [random.randrange(60) for _ in range(DROPS)] + [10**9]:
        after = had[-1].seq if had else 0
        protocol = random.choice([by_sse, by_socket])
        async with aclosing(protocol(site, stream_id, after, random)) as pieces:
            async for piece in pieces:
                had.append(piece)
                patience -= 1
                if piece.name == "complete":
                    return had
                if patience <= 0:
                    break
    raise AssertionError(f"client {seed}: the stream ended without its last event")


def spelled(pieces: list[Piece]) -> tuple[str, str]:
    """Return the text and the arguments."""
    text = [each.data if isinstance(each.data, str) else each.data["text"] for each in pieces if each.name == "token"]
    return "".join(text), "".join(each.data["delta"] for each in pieces if each.name == "function_arguments")


@pytest.mark.timeout(300)
async def test_clients_that_disconnect_anywhere_reconnect_without_loss_or_repeat(site: Site) -> None:
    for number in range(STREAMS):
        await site.agent("talker", f"a{number}", tools=["calculator"])
        path = f"{site.url}/agents/a{number}/stream"
        response = await site.http.post(path, json={"message": "go", "stream_id": f"s{number}"})
        response.close()
    all_had = await asyncio.gather(*(client(site, f"s{seed % STREAMS}", seed) for seed in range(CLIENTS)))
    for had in all_had:
        last = 0
        for piece in had:
            assert piece.seq - piece.joined == last
            last = piece.seq
        assert spelled(had) == (f"{SENTENCE}It is 42.", '{"expression":"6 * 7"}')
        assert [piece.name for piece in had].count("complete") == 1
        assert had[-1].data["content"] == f"{SENTENCE}It is 42."


@pytest.fixture
def many_files() -> Iterator[None]:
    """Allow as many open files as the system permits, because both ends are in this process."""
    soft, hard = getrlimit(RLIMIT_NOFILE)
    setrlimit(RLIMIT_NOFILE, (hard, hard))
    yield
    setrlimit(RLIMIT_NOFILE, (soft, hard))


async def comes_back(site: Site, streams: list[str], seed: int) -> list[int]:
    """Return the seqs at which pieces are missing or repeated. Every tenth client has an invalid place."""
    random = Random(seed)
    stream_id, after = random.choice(streams), random.randrange(5)
    if seed % 10 == 0:
        path = f"{site.url}/streams/{stream_id}/events"
        async with site.http.get(path, params={"after": random.choice(NO_PLACES)}) as refused:
            assert refused.status == 422
        return []
    protocol = random.choice([by_sse, by_socket])
    async with aclosing(protocol(site, stream_id, after, random)) as pieces:
        wrong, last = [], after
        async for piece in pieces:
            wrong += [piece.seq] if piece.seq - piece.joined != last else []
            last = piece.seq
            if piece.name == "complete":
                return wrong
    raise AssertionError(f"client {seed}: the stream ended without its last event")


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("many_files")
async def test_clients_that_reconnect_at_once_each_continue_at_their_place(site: Site) -> None:
    """Reconnect to a running stream and to an ended one."""
    for stream_id in ("ended", "runs"):
        await site.agent("brief", stream_id)
        response = await site.http.post(
            f"{site.url}/agents/{stream_id}/stream", json={"message": "go", "stream_id": stream_id}
        )
        async for event in events(response):
            if event.id is not None and event.id > 4 and stream_id == "runs":
                break
        response.close()
    wrong = await asyncio.gather(*(comes_back(site, ["ended", "runs"], seed) for seed in range(STORM)))
    assert wrong == [[]] * STORM
    assert (await site.json("GET", "/agents"))[0] == 200
