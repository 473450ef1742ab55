"""Events that are written past ASGI: the same bytes, and only where no other app has a part in the answer."""

import asyncio
import ssl
import zlib
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import RequestResponseCycle

from agents.gateway import Gateway, LiveSessions, serving
from agents.settings import GatewaySettings, StreamingSettings
from tests.agents.gateway.certificates import self_signed
from tests.agents.gateway.raw import Raw, connected, request
from tests.agents.gateway.site import TOKEN, Site, Sse, parsed, text_of
from tests.agents.gateway.test_slow_clients import all_cut, body_of

GATEWAY = GatewaySettings(port=0, write_timeout=60_000)
STREAMING = StreamingSettings(buffer_size=64, enable_compression=True)
WORDS = " ".join(f"word{number}" for number in range(50))
TOKENS = b"event: token"
MANY = " ".join(f"{number:0700}" for number in range(3000))
"""A text longer than all buffers on the way."""
SCRIPT = f"""
[models.long]
turns = [{{ steps = [{{ text = "{MANY}" }}] }}]

[models.paced]
token_delay_s = 0.002
turns = [{{ steps = [{{ text = "{WORDS}" }}] }}]
"""


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return the pieces of bodies that pass the server's own `send`."""
    pieces: list[bytes] = []
    send = RequestResponseCycle.send

    async def noted(self: RequestResponseCycle, message: Message) -> None:
        pieces.append(message.get("body", b""))
        await send(self, message)  # type: ignore[arg-type]  # uvicorn's own name for a message

    monkeypatch.setattr(RequestResponseCycle, "send", noted)
    return pieces


def wrapped(app: ASGIApp) -> ASGIApp:
    """Return the app with a `send` of its host, as of a middleware."""

    async def host(scope: Scope, receive: Receive, send: Send) -> None:
        async def own(message: Message) -> None:
            await send(message)

        await app(scope, receive, own)

    return host


PLAIN = {"accept-encoding": "identity"}


async def body(site: Site) -> bytes:
    async with site.http.get(f"{site.url}/streams/s/events", headers=PLAIN) as response:
        return await response.read()


async def asks(raw: Raw, site: Site, model: str) -> None:
    """Ask an agent of the model for the stream `s`, and read the head of the answer."""
    await site.agent(model)
    raw.writer.write(request("GET", "/agents/a/stream?message=go&stream_id=s", host=f"localhost:{site.port}"))
    assert b" 200 " in await raw.head()


def events_of(answer: bytes) -> list[Sse]:
    return [event for block in body_of(answer).split(b"\n\n")[:-1] for event in parsed(block)]


async def ended(site: Site) -> None:
    """Return when the stream `s` has ended. Another client reads it."""
    assert (await site.events("s"))[-1].name == "complete"


async def test_tokens_do_not_pass_asgi_on_the_gateways_own_server(site: Site, sent: list[bytes]) -> None:
    await site.agent("echo")
    site.http.headers.update(PLAIN)
    found = await site.stream("a", WORDS, stream_id="s")
    assert TOKENS not in b"".join(sent)
    assert [event.id for event in found] == list(range(1, len(found) + 1))
    assert "".join(event.data["text"] for event in found if event.name == "token") == WORDS


async def test_an_app_around_the_gateway_sees_all_of_the_same_body(site: Site, sent: list[bytes]) -> None:
    await site.agent("echo")
    await site.stream("a", WORDS, stream_id="s")
    direct = await body(site)
    sent.clear()
    async with serving(wrapped(Gateway(site.settings, LiveSessions(), TOKEN)), site.settings) as served:
        assert await body(Site(served, site.http, site.settings)) == direct
    assert b"".join(sent) == direct


async def test_a_host_may_have_a_connection_of_its_own_in_its_state(site: Site, sent: list[bytes]) -> None:
    gateway = Gateway(site.settings, LiveSessions(), TOKEN)

    async def host(scope: Scope, receive: Receive, send: Send) -> None:
        await gateway({**scope, "state": {"connection": "to a database"}}, receive, send)

    await site.agent("echo")
    await site.stream("a", WORDS, stream_id="s")
    direct = await body(site)
    sent.clear()
    async with serving(host, site.settings) as served:
        assert await body(Site(served, site.http, site.settings)) == direct
    assert b"".join(sent) == direct


async def test_a_compressed_body_passes_asgi_and_has_the_same_content(site: Site, sent: list[bytes]) -> None:
    await site.agent("echo")
    await site.stream("a", WORDS, stream_id="s")
    direct = await body(site)
    sent.clear()
    async with site.http.get(f"{site.url}/streams/s/events", headers={"accept-encoding": "gzip"}) as response:
        assert await response.read() == direct
    assert zlib.decompress(b"".join(sent), wbits=zlib.MAX_WBITS | 16) == direct


async def test_a_body_over_tls_has_the_same_bytes(site: Site, sent: list[bytes], tmp_path: Path) -> None:
    await site.agent("echo")
    await site.stream("a", WORDS, stream_id="s")
    direct = await body(site)
    sent.clear()
    made = await self_signed(tmp_path)
    own = site.settings.gateway.model_copy(update={"tls_certificate": made.certificate, "tls_key": made.key})
    settings = site.settings.model_copy(update={"gateway": own})
    trusting = ssl.create_default_context(cafile=str(made.certificate))
    async with serving(Gateway(settings, LiveSessions(), TOKEN), settings) as served:
        url = f"https://localhost:{served.port}/streams/s/events"
        async with site.http.get(url, ssl=trusting, headers=PLAIN) as response:
            assert await response.read() == direct
    assert TOKENS not in b"".join(sent)


async def test_a_body_without_chunks_has_the_same_bytes(site: Site) -> None:
    await site.agent("echo")
    await site.stream("a", WORDS, stream_id="s")
    async with connected(site) as raw:
        asked = request("GET", "/streams/s/events", host=f"localhost:{site.port}")
        raw.writer.write(asked.replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert b"transfer-encoding" not in (await raw.head()).lower()
        assert await raw.rest() == await body(site)


async def test_a_connection_serves_again_after_events_were_written_past_its_parser(site: Site) -> None:
    await site.agent("echo")
    async with connected(site) as raw:
        for number in range(2):
            query = f"/agents/a/stream?message=hi&stream_id=n{number}"
            raw.writer.write(request("GET", query, host=f"localhost:{site.port}"))
            assert b" 200 " in await raw.head()
            assert TOKENS in await raw.reader.readuntil(b"\r\n0\r\n\r\n")


async def test_requests_that_are_sent_at_once_get_their_streams_in_order(site: Site, sent: list[bytes]) -> None:
    names = "first", "second", "third"
    for name in names:
        await site.agent("echo", name)
    async with connected(site) as raw:
        asked = (f"/agents/{name}/stream?message={name}&stream_id={name}" for name in names)
        raw.writer.write(b"".join(request("GET", each, host=f"localhost:{site.port}") for each in asked))
        for name in names:
            assert b" 200 " in await raw.head()
            found = events_of(await raw.reader.readuntil(b"\r\n0\r\n\r\n"))
            assert (found[0].data["stream_id"], text_of(found), found[-1].name) == (name, name, "complete")
    assert TOKENS not in b"".join(sent)


async def test_a_client_that_stops_reading_and_reads_on_gets_each_event_once(site: Site) -> None:
    async with connected(site, limit_bytes=4096) as raw:
        await asks(raw, site, "long")
        await ended(site)
        answer = await raw.reader.readuntil(b"id: 2\n")
        while not answer.endswith(b"\r\n0\r\n\r\n"):
            answer += await raw.reader.read(65536)
    found = events_of(answer)
    assert (text_of(found) == MANY) is True  # a diff would be too long
    assert found[-1].name == "complete"
    tokens = [(event.id or 0, event.data.get("joined", 1)) for event in found if event.name == "token"]
    assert max(joined for _, joined in tokens) > 1
    assert [seq - joined for seq, joined in tokens[1:]] == [seq for seq, _ in tokens[:-1]]


async def test_a_client_that_resets_its_connection_leaves_the_stream_to_others(site: Site) -> None:
    async with connected(site) as raw, connected(site) as other:
        await asks(raw, site, "paced")
        other.writer.write(request("GET", "/streams/s/events", host=f"localhost:{site.port}"))
        await raw.reader.readuntil(TOKENS)
        raw.writer.transport.abort()
        answer = await asyncio.wait_for(other.reader.readuntil(b"\r\n0\r\n\r\n"), 60)
    assert text_of(events_of(answer.partition(b"\r\n\r\n")[2])) == WORDS
    await all_cut()
