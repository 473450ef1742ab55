"""Hostile clients: slow, compressed, nested or malformed data, and requests for a foreign page."""

import asyncio
import sys
import zlib
from collections.abc import Iterator

import aiohttp
import msgspec
import pytest

from agents.settings import GatewaySettings, StreamingSettings
from tests.agents.gateway.raw import Raw, close_code, connected, frame, request, upgraded
from tests.agents.gateway.site import TOKEN, Site

GATEWAY = GatewaySettings(port=0, max_message_bytes=100_000)
STREAMING = StreamingSettings(enable_compression=True)
UPGRADE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: " + "A" * 22 + "==",
)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    serving = sys.modules["agents.gateway.serving"]
    monkeypatch.setattr(sys.modules["agents.gateway.server_connections"], "HEADER_S", 0.3)
    monkeypatch.setattr(serving, "PING_S", 0.3)
    monkeypatch.setattr(sys.modules["agents.gateway.guard.body"], "BODY_S", 0.3)


async def drip(raw: Raw, data: bytes) -> None:
    """Send the bytes one by one, as a slow client does."""
    for byte in data:
        raw.writer.write(bytes([byte]))
        await asyncio.sleep(0.01)


# Slowly


@pytest.mark.usefixtures("impatient")
async def test_a_slow_handshake_ends_its_connection(site: Site) -> None:
    async with connected(site) as raw:
        head = request("GET", "/ws", *UPGRADE, "X-Long: " + "x" * 10_000, host=f"localhost:{site.port}")
        dripping = asyncio.create_task(drip(raw, head))
        assert await raw.rest() == b""
        dripping.cancel()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("length", ["Content-Length: 10000", "Transfer-Encoding: chunked"])
async def test_a_slow_body_is_refused_in_time(site: Site, length: str) -> None:
    more = ("Content-Type: application/json", length)
    async with connected(site) as raw:
        raw.writer.write(request("POST", "/agents", *more, host=f"localhost:{site.port}"))
        if "chunked" in length:
            raw.writer.write(b"2710\r\n")
        dripping = asyncio.create_task(drip(raw, b" " * 10_000))
        assert (await raw.rest()).startswith(b"HTTP/1.1 408")
        dripping.cancel()


@pytest.mark.usefixtures("impatient")
async def test_a_socket_that_answers_no_ping_is_closed(site: Site) -> None:
    async with connected(site) as raw:
        await upgraded(site, raw)
        assert close_code(await raw.rest()) == 1011


# Compressed, nested, malformed


async def test_a_message_that_is_too_large_when_decompressed_closes_its_socket(site: Site) -> None:
    """Send 16 MiB of spaces in 16 KiB, which is less than the limit of a message."""
    packer = zlib.compressobj(wbits=-12)
    packed = packer.compress(b" " * 2**24) + packer.flush(zlib.Z_SYNC_FLUSH)
    assert len(packed) < 65536
    async with connected(site) as raw:
        head = await upgraded(site, raw, "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=12")
        assert b"permessage-deflate" in head
        raw.writer.write(frame(0x40 | 1, packed.removesuffix(b"\0\0\xff\xff")))
        assert close_code(await raw.rest()) == 1009
    assert (await site.json("GET", "/agents"))[0] == 200


def nested() -> Iterator[bytes]:
    """Return JSON that nests deeper than any reader accepts, in less than the limit of a body."""
    for opening in (b"[", b'{"a":', b'{"message":"x","stream_id":[['):
        yield opening * 30_000
        yield opening * 10_000 + b"1" + b"]" * 10_000


async def test_json_of_any_depth_is_one_clear_error(site: Site) -> None:
    await site.agent("echo")
    headers = {"content-type": "application/json"}
    for body in nested():
        for path in ("/agents", "/agents/a/chat", "/agents/a/stream", "/streams/s/steer"):
            async with site.http.post(site.url + path, data=body, headers=headers) as response:
                assert response.status in (400, 422)
                assert set(await response.json()) == {"error"}
    async with site.socket() as socket:
        for body in nested():
            if len(body) <= GATEWAY.max_message_bytes:
                await socket.send_str(body.decode())
                assert (await socket.receive_json(timeout=30))["type"] == "refused"


NO_TEXT = [
    b'{"model": "\xff\xfe"}',
    b'{"model": "\xed\xa0\x80"}',
    b"\xff",
    b"\0",
    b'{"model": "a\0b"',
    b"\xef\xbb\xbf[",
]


async def test_a_body_that_is_not_text_is_one_clear_error(site: Site) -> None:
    headers = {"content-type": "application/json"}
    for body in NO_TEXT:
        async with site.http.post(f"{site.url}/agents", data=body, headers=headers) as response:
            assert response.status in (400, 422), body
            assert (await response.json())["error"]["message"].isprintable()


WRONG_HEADS = {
    "a space before the colon": b"GET /agents HTTP/1.1\r\nHost : localhost\r\n\r\n",
    "two lengths": b"POST /agents HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "a length with a sign": b"POST /agents HTTP/1.1\r\nHost: localhost\r\nContent-Length: +1\r\n\r\n",
    "an unknown coding": b"POST /agents HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "a NUL": b"GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}


async def test_an_invalid_head_is_refused_and_ends_its_connection(site: Site) -> None:
    """Send a head whose rest could look like a second request."""
    for what, head in WRONG_HEADS.items():
        async with connected(site) as raw:
            raw.writer.write(head + request("GET", "/agents", host=f"localhost:{site.port}"))
            answer = await raw.rest()
        assert answer[9:12] in (b"400", b"501"), what
        assert answer.count(b"HTTP/1.1") == 1, what


# From a foreign page


FOREIGN = {
    "Origin: http://attacker.test": b"403",
    "Origin: null": b"403",
    "Origin: http://localhost.attacker.test:PORT": b"403",
    "Origin: http://localhost:PORT\r\nOrigin: http://attacker.test": b"400",
    "Host: attacker.test:PORT": b"400",
}


async def test_a_foreign_pages_handshake_gets_no_socket_whatever_it_knows(site: Site) -> None:
    """Send a handshake with the token and a cookie, followed by a message."""
    await site.agent("echo")
    action = {"action": "stream_chat", "agent_id": "a", "message": "x", "stream_id": "s"}
    for headers, status in FOREIGN.items():
        lines = headers.replace("PORT", str(site.port)).split("\r\n")
        async with connected(site) as raw:
            handshake = request("GET", "/ws", *UPGRADE, f"Cookie: token={TOKEN}", *lines, host=f"localhost:{site.port}")
            raw.writer.write(handshake + frame(1, msgspec.json.encode(action)))
            raw.writer.write_eof()
            answer = await raw.rest()
        assert answer[9:12] == status, headers
        assert answer.count(b"HTTP/1.1") == 1
        assert b"access-control-allow-origin" not in answer.lower()
    assert (await site.json("GET", "/agents/a"))[1]["streams"] == []


async def test_a_page_that_rebinds_its_name_gets_nothing(site: Site) -> None:
    """Send a request to the right address with the token. Only its Host is foreign."""
    async with aiohttp.ClientSession(headers={"authorization": f"Bearer {TOKEN}"}) as page:
        headers = {"host": f"attacker.test:{site.port}", "cookie": f"token={TOKEN}"}
        for method, path in (("GET", "/agents"), ("POST", "/agents"), ("GET", "/docs"), ("GET", "/healthz")):
            async with page.request(method, site.url + path, headers=headers, json={"model": "echo"}) as response:
                assert response.status == 421
                assert "access-control-allow-origin" not in response.headers
