"""Events that are written past ASGI: the same bytes, and only where no other app has a part in the answer."""

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import RequestResponseCycle

from agents.gateway import Gateway, LiveSessions, serving
from tests.agents.gateway.raw import connected, request
from tests.agents.gateway.site import TOKEN, Site

WORDS = " ".join(f"word{number}" for number in range(50))
TOKENS = b"event: token"


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


async def body(site: Site) -> bytes:
    async with site.http.get(f"{site.url}/streams/s/events") as response:
        return await response.read()


async def test_tokens_do_not_pass_asgi_on_the_gateways_own_server(site: Site, sent: list[bytes]) -> None:
    await site.agent("echo")
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
