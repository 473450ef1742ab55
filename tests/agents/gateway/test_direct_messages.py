"""Events that are written to a WebSocket past ASGI: the same messages, and only where no other app has a part in it."""

import asyncio
import zlib
from typing import Any, cast

import pytest
from starlette.types import Message
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from agents.gateway import Gateway, LiveSessions, serving
from agents.settings import GatewaySettings, StreamingSettings
from tests.agents.gateway.raw import CLOSE, connected, frame, upgraded
from tests.agents.gateway.site import TOKEN, Site
from tests.agents.gateway.test_direct_writes import wrapped
from tests.agents.gateway.test_slow_clients import all_cut

GATEWAY = GatewaySettings(port=0, write_timeout=60_000)
STREAMING = StreamingSettings(buffer_size=64, enable_compression=True)
WORDS = " ".join(
    [f"word{number}" for number in range(50)] + ["é" * 60, "x" * 125, "y" * 126, "z" * 40_000, "w" * 70_000]
)
"""Texts whose messages need each of the three forms of a frame's length."""
MANY = " ".join(f"{number:0700}" for number in range(3000))
"""A text longer than all buffers on the way."""
SCRIPT = f"""
[models.long]
turns = [{{ steps = [{{ text = "{MANY}" }}] }}]

[models.words]
turns = [{{ steps = [{{ text = "{WORDS}" }}] }}]
"""
TOKENS = '"type":"token"'


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the messages that pass the server's own `send`."""
    texts: list[str] = []
    send = WebSocketsSansIOProtocol.send

    async def noted(self: WebSocketsSansIOProtocol, message: Message) -> None:
        texts.append(message.get("text", ""))
        await send(self, message)  # type: ignore[arg-type]  # uvicorn's own name for a message

    monkeypatch.setattr(WebSocketsSansIOProtocol, "send", noted)
    return texts


async def messages(site: Site, *stream_ids: str, **more: Any) -> list[dict[str, Any]]:
    """Return the events of streams that one socket reads at once, as it gets them."""
    found, open_ = list[dict[str, Any]](), len(stream_ids)
    async with site.http.ws_connect(f"{site.url}/ws", max_msg_size=0, **more) as socket:
        for id_ in stream_ids:
            await socket.send_json({"action": "stream_chat", "agent_id": id_, "message": "go", "stream_id": id_})
        while open_:
            found.append(await socket.receive_json(timeout=60))
            open_ -= found[-1]["type"] == "complete"
    return [each for each in found if each["type"] != "answer"]


def text_of(found: list[dict[str, Any]]) -> str:
    return "".join(each["data"] for each in found if each["type"] == "token")


async def test_tokens_do_not_pass_asgi_on_the_gateways_own_server(site: Site, sent: list[str]) -> None:
    await site.agent("words")
    found = await messages(site, "a")
    assert (text_of(found) == WORDS) is True  # a diff would be too long
    assert TOKENS not in "".join(sent)


async def test_an_app_around_the_gateway_sees_all_of_the_same_messages(site: Site, sent: list[str]) -> None:
    await site.agent("words")
    direct = await messages(site, "a")
    sent.clear()
    async with serving(wrapped(Gateway(site.settings, LiveSessions(), TOKEN)), site.settings) as served:
        found = await messages(Site(served, site.http, site.settings), "a")
    assert (text_of(found) == text_of(direct)) is True
    assert found[-1] == direct[-1]
    assert "".join(sent).count(TOKENS) == sum(each["type"] == "token" for each in found)


async def test_compressed_messages_pass_asgi_and_have_the_same_content(site: Site, sent: list[str]) -> None:
    await site.agent("words")
    found = await messages(site, "a", compress=zlib.MAX_WBITS)
    assert (text_of(found) == WORDS) is True
    assert TOKENS in "".join(sent)


async def test_streams_of_one_socket_come_each_in_its_order(site: Site) -> None:
    names = "first", "second", "third"
    for name in names:
        await site.agent("words", name)
    found = await messages(site, *names)
    for name in names:
        own = [each for each in found if each["stream_id"] == name]
        assert (text_of(own) == WORDS) is True
        assert [each["seq"] - each.get("joined", 1) for each in own[1:]] == [each["seq"] for each in own[:-1]]


async def test_a_socket_that_stops_reading_and_reads_on_gets_each_event_once(site: Site) -> None:
    await site.agent("long")
    async with site.http.ws_connect(f"{site.url}/ws", max_msg_size=0) as socket:
        transport: Any = cast("Any", socket._conn).transport
        transport.pause_reading()
        await socket.send_json({"action": "stream_chat", "agent_id": "a", "message": "go", "stream_id": "s"})
        assert (await site.events("s"))[-1].name == "complete"  # it has ended
        transport.resume_reading()
        found = [await socket.receive_json(timeout=60)]
        while found[-1]["type"] != "complete":
            found.append(await socket.receive_json(timeout=60))
    del found[0]  # the answer
    assert (text_of(found) == MANY) is True
    assert max(each.get("joined", 1) for each in found) > 1
    assert [each["seq"] - each.get("joined", 1) for each in found[1:]] == [each["seq"] for each in found[:-1]]


async def test_a_socket_that_is_reset_leaves_its_streams_to_others(site: Site) -> None:
    await site.agent("long")
    async with site.socket() as socket:
        await socket.send_json({"action": "stream_chat", "agent_id": "a", "message": "go", "stream_id": "s"})
        while (await socket.receive_json(timeout=60))["type"] != "token":
            pass
        cast("Any", socket._conn).transport.abort()
        assert (await site.events("s"))[-1].name == "complete"
        await all_cut()


async def test_no_event_follows_the_frame_that_closes_a_socket(site: Site) -> None:
    await site.agent("long")
    asked = b'{"action":"stream_chat","agent_id":"a","message":"go","stream_id":"s"}'
    async with connected(site) as raw:
        await upgraded(site, raw)
        raw.writer.write(frame(1, asked))
        await asyncio.wait_for(raw.reader.readuntil(TOKENS.encode()), 60)
        raw.writer.write(frame(8, (1000).to_bytes(2, "big")))
        answer = await raw.rest()
    assert answer[-4:] == bytes([CLOSE, 2]) + (1000).to_bytes(2, "big")
