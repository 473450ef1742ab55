"""Compression, if the settings allow it and the client accepts it."""

import zlib

import pytest

from agents.settings import StreamingSettings
from tests.agents.gateway.site import Site, parsed, text_of

STREAMING = StreamingSettings(enable_compression=True)


async def test_events_are_compressed_and_each_is_readable_at_once(site: Site) -> None:
    await site.agent("echo")
    headers = {"accept-encoding": "br, gzip;q=0.5"}
    path = f"{site.url}/agents/a/stream"
    async with site.http.post(path, json={"message": "one two"}, headers=headers) as response:
        assert response.headers["content-encoding"] == "gzip"
        assert response.headers["vary"].lower() == "accept-encoding"
        body = await response.read()  # decompressed by aiohttp
    found = [event for block in body.split(b"\n\n")[:-1] for event in parsed(block)]
    assert text_of(found) == "one two"


@pytest.mark.parametrize("accepted", ["identity", "gzip;q=0", "gzip; q=0.0", "br"])
async def test_a_client_that_does_not_accept_gzip_gets_none(site: Site, accepted: str) -> None:
    await site.agent("echo")
    headers = {"accept-encoding": accepted}
    async with site.http.post(f"{site.url}/agents/a/stream", json={"message": "x"}, headers=headers) as response:
        assert "content-encoding" not in response.headers
        await response.read()


async def test_long_answers_and_messages_are_compressed_too(site: Site) -> None:
    async with site.http.get(f"{site.url}/tree", headers={"accept-encoding": "gzip"}) as response:
        assert response.headers["content-encoding"] == "gzip"
        await response.read()
    async with site.http.ws_connect(f"{site.url}/ws", compress=zlib.MAX_WBITS) as socket:
        assert socket.compress
        await socket.send_str('{"action": "ping"}')
        assert await socket.receive_json() == {"type": "pong"}
