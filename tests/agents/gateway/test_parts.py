"""Images, sounds and files over HTTP and the WebSocket: only their bytes come from a client, and no path."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from agents import Image, StreamComplete, Text, application
from agents.client import Client
from agents.gateway import Gateway, LiveSessions, serving
from agents.gateway.stored_sessions import StoredSessions
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.settings import Durability, GatewaySettings, PartSettings, SessionSettings, Settings
from tests.agents.gateway.contract import Checked
from tests.agents.gateway.site import TOKEN, Site
from tests.agents.parts.samples import PDF, PNG, SVG, seen

SCRIPT = """
[models.seeing]
turns = [{ steps = [{ text = "{user} -> {parts}" }] }]

[models.slow]
turns = [{ steps = [{ text = "One two three.", fault = { name = "stall", after_tokens = 2 } }] }]
"""
LARGE = PNG + b"\0" * 2_000_000
SEEN = f"Look: -> {seen('image/png', PNG)}"


@pytest.fixture(params=["memory", "store"])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    """Serve a gateway with sessions in memory or in a store."""
    in_store = request.param == "store"
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(RehearsalServer(builtin() | parse(SCRIPT)))
        durability = Durability.BATCHED if in_store else Durability.OFF
        settings = Settings(
            base_url=server.base_url,
            api_key=SecretStr("any"),
            parts=PartSettings(max_bytes=3_000_000, max_count=3),
            sessions=SessionSettings(url=f"sqlite:///{tmp_path}/s.db", durability=durability),
            gateway=GatewaySettings(port=0, default_agent="a"),
        )
        await stack.enter_async_context(application.running(settings))
        app = Gateway(settings, StoredSessions() if in_store else LiveSessions(), TOKEN)
        served = await stack.enter_async_context(serving(app, settings))
        headers = {"authorization": f"Bearer {TOKEN}"}
        http = await stack.enter_async_context(aiohttp.ClientSession(headers=headers, response_class=Checked))
        yield Site(served, http, settings)


async def post(site: Site, path: str, body: Any) -> tuple[int, Any]:
    """Send a large body, and return the status and the answer."""
    headers = {"content-type": "application/json"}
    async with site.http.post(site.url + path, data=BytesIO(json.dumps(body).encode()), headers=headers) as response:
        return response.status, await response.json()


def part(data: bytes, kind: str = "image", **more: Any) -> dict[str, Any]:
    return {"type": kind, "data": b64encode(data).decode(), **more}


async def test_every_route_of_messages_takes_parts_after_the_text(site: Site) -> None:
    await site.agent("seeing")
    body = {"message": "Look:", "parts": [part(PNG, name="a.png")]}
    status, answer = await site.json("POST", "/agents/a/chat", body)
    assert (status, answer["response"]["content"]) == (200, SEEN)
    whole = await site.stream("a", "Look:", parts=[part(PNG)])
    assert whole[-1].data["content"] == f"{SEEN}\n{seen('image/png', PNG)}"
    for path, text in (("/stream", "text"), ("/api/agent/chat/stream", "query")):
        body = {text: "Look:", "parts": [part(PDF, "file")], "session_id": "a"}
        async with site.http.post(site.url + path, json=body) as response:
            assert response.status == 200, await response.text()
            assert PDF not in await response.read()
            stream_id = response.headers["x-stream-id"]
        end = (await site.events(stream_id))[-1].data
        assert end["content"].endswith(seen("application/pdf", PDF))


async def test_the_socket_takes_parts_and_they_join_a_running_turn(site: Site) -> None:
    await site.agent("seeing")
    await site.agent("slow", "s")
    async with site.socket() as socket:
        action = {"action": "stream_chat", "agent_id": "a", "message": "Look:", "parts": [part(PNG)]}
        await socket.send_json(action)
        while (message := await socket.receive_json())["type"] != "complete":
            pass
        assert message["data"]["content"] == SEEN
        await socket.send_json({"action": "stream_chat", "agent_id": "s", "message": "go", "stream_id": "t"})
        while (message := await socket.receive_json())["type"] != "token":
            pass
        await socket.send_json({"action": "steer", "stream_id": "t", "message": "Look:", "parts": [part(PNG)]})
        while (message := await socket.receive_json())["type"] != "answer":
            pass
        assert message["data"] == {"steered": True}
    status, steered = await site.json("POST", "/streams/t/steer", {"message": "Look:", "parts": [part(PNG)]})
    assert (status, steered) == (200, {"steered": True})
    await site.json("POST", "/streams/t/cancel")
    _, session = await site.json("GET", "/sessions/s")
    contents = [each["content"] for each in session["conversation"] if each["role"] == "user"]
    assert [len(each) for each in contents[1:]] == [2, 2]


async def test_a_session_names_a_part_by_its_hash_and_its_bytes_have_a_route(site: Site) -> None:
    await site.agent("seeing")
    key = sha256(PNG).hexdigest()
    await site.json("POST", "/agents/a/chat", {"message": "Look:", "parts": [part(PNG, name="a.png")]})
    _, session = await site.json("GET", "/sessions/a")
    image = {"type": "image", "sha256": key, "media_type": "image/png", "size_bytes": len(PNG), "name": "a.png"}
    assert session["conversation"][0]["content"] == [{"type": "text", "text": "Look:"}, image]
    async with site.http.get(f"{site.url}/sessions/a/parts/{key}") as response:
        assert (response.status, response.content_type, await response.read()) == (200, "image/png", PNG)
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-disposition"] == "inline"
    await site.agent("seeing", "b")
    for other in (f"/sessions/b/parts/{key}", f"/sessions/a/parts/{'0' * 64}", "/sessions/none/parts/" + key):
        assert (await site.json("GET", other))[0] == 404
    for bad in ("..%2Fs.db", "A" * 64, "0" * 63):
        assert (await site.json("GET", f"/sessions/a/parts/{bad}"))[0] in (404, 422)


async def test_markup_is_a_text_to_download(site: Site) -> None:
    await site.agent("seeing")
    await site.json("POST", "/agents/a/chat", {"message": "Look:", "parts": [part(SVG, "file", name="a.svg")]})
    async with site.http.get(f"{site.url}/sessions/a/parts/{sha256(SVG).hexdigest()}") as response:
        assert (response.content_type, await response.read()) == ("text/plain", SVG)
        assert response.headers["content-disposition"] == "attachment"


async def test_a_message_with_parts_may_be_larger_than_another_body(site: Site) -> None:
    await site.agent("seeing")
    status, answer = await post(site, "/agents/a/chat", {"message": "Look:", "parts": [part(LARGE)]})
    assert (status, answer["response"]["content"]) == (200, f"Look: -> {seen('image/png', LARGE)}")
    body = BytesIO(b'{"title": "%b"}' % (b"x" * 2_000_000))
    headers = {"content-type": "application/json"}
    async with site.http.patch(f"{site.url}/sessions/a", data=body, headers=headers) as response:
        assert response.status == 413


BAD: list[tuple[Any, str]] = [
    ([{"type": "image", "path": "/etc/passwd"}], "parts[0].data: expected"),
    ([{"type": "image", "url": "http://127.0.0.1/a.png", "data": ""}], "parts[0].url: expected a known key"),
    ([{"type": "video", "data": ""}], "parts[0]: expected 'type'"),
    ([{"data": ""}], "parts[0]: expected the key"),
    ([{"type": "text", "text": ""}], "parts[0].text: expected"),
    ([{"type": "image", "data": "///etc/passwd"}], "parts[0].data: expected base64"),
    ([{"type": "image", "data": "é"}], "parts[0].data: expected base64"),
    ([{"type": "image", "data": b64encode(SVG).decode()}], "parts[0].data: expected a PNG, JPEG, GIF or WebP image"),
    ([part(PNG), part(PNG, "audio")], "parts[1].data: expected a WAV or MP3 sound as Audio, got image/png"),
    ([part(PNG, name="n" * 256)], "parts[0].name: expected"),
    ([part(PNG)] * 4, "parts: expected at most 3 parts that are not text, got 4"),
    ([part(PNG + b"\0" * 3_000_000)], "parts: expected a part of at most 3000000 bytes"),
    ("iVBORw0KGgo", "parts: expected"),
]


@pytest.mark.parametrize(("parts", "words"), BAD, ids=range(len(BAD)))
async def test_an_invalid_part_is_refused_with_its_place(site: Site, parts: Any, words: str) -> None:
    await site.agent("seeing")
    status, answer = await post(site, "/agents/a/chat", {"message": "Look:", "parts": parts})
    assert status == 422
    assert words in answer["error"]["message"], answer
    assert (await site.json("GET", "/sessions/a"))[1]["conversation"] == []


async def test_a_part_that_the_model_can_not_take_is_refused_before_the_turn(site: Site) -> None:
    await site.agent("seeing", accepts=["file"])
    status, answer = await site.json("POST", "/agents/a/chat", {"message": "Look:", "parts": [part(PNG)]})
    assert (status, answer["error"]["type"]) == (422, "content_refused")
    assert answer["error"]["message"] == "parts: seeing takes text, file, got image (image/png)"


async def test_the_events_of_a_stream_have_no_bytes(site: Site) -> None:
    await site.agent("seeing")
    body = {"message": "Look:", "parts": [part(LARGE)], "stream_id": "t"}
    assert (await post(site, "/agents/a/chat", body))[0] == 200
    assert all(len(str(event)) < 2000 for event in await site.events("t"))
    async with site.http.get(f"{site.url}/sessions/a") as response:
        assert len(await response.read()) < 5000


async def test_the_client_for_python_sends_parts(site: Site) -> None:
    await site.agent("seeing")
    async with Client(site.url, TOKEN) as client:
        found = [event async for event in client.ask("a", "Look:", "t", [Text("Now!"), Image(LARGE, "a.png")])]
    end = found[-1]
    assert isinstance(end, StreamComplete)
    assert end.response.content == f"Look:Now! -> {seen('image/png', LARGE)}"
