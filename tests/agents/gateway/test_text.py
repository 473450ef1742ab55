"""Text at the gateway: a str that UTF-8 can't encode is refused, and one that came another way breaks no answer."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from pydantic import SecretStr

from agents import application
from agents.core.conversation import Function, ToolCall
from agents.core.events import (
    Event,
    StreamComplete,
    StreamStart,
    StreamToken,
    StreamToolProgress,
    StreamToolResult,
    ToolResult,
)
from agents.core.response import Response
from agents.gateway import Gateway, LiveSessions, serving
from agents.gateway.stored_sessions import StoredSessions
from agents.rehearsal import RehearsalServer, builtin
from agents.sessions import StreamRecord, StreamStatus, open_journal
from agents.settings import Durability, GatewaySettings, SessionSettings, Settings, ToolSettings
from tests.agents.gateway.site import TOKEN, Site
from tests.agents.sessions.keeping import AT

HALF = "half \ud800"
CALL = ToolCall("c", Function("pays", '{"to": "half \ud800"}'))
EVENTS: list[Event] = [
    StreamStart("a", stream_id="kept", seq=1),
    StreamToken(HALF, stream_id="kept", seq=2),
    StreamToken("whole", stream_id="kept", seq=3),
    StreamToolProgress(CALL, {HALF: [HALF]}, stream_id="kept", seq=4),
    StreamToolResult(CALL, ToolResult(HALF, HALF), stream_id="kept", seq=5),
    StreamComplete(Response(HALF, HALF), stream_id="kept", seq=6),
]
BODIES: list[tuple[str, str, dict[str, Any], str]] = [
    ("POST", "/agents", {"id": "b", "name": HALF}, "body.name"),
    ("POST", "/agents", {"id": "b", "system_prompt": HALF}, "body.system_prompt"),
    ("POST", "/agents", {"id": "b", "model": HALF}, "body.model"),
    ("POST", "/agents", {"id": HALF}, "body.id"),
    ("POST", "/agents", {"id": "b", "owner": HALF}, "body.owner"),
    ("POST", "/agents", {"id": "b", "tools": [HALF]}, "body.tools[0]"),
    ("POST", "/agents", {"id": "b", "model_options": {"stop": [HALF]}}, "body.model_options.stop[0]"),
    ("POST", "/agents", {"id": "b", "model_options": {HALF: 1}}, "body.model_options.half \ufffd"),
    ("POST", "/agents", {"id": "b", "answer_type": {"title": HALF}}, "body.answer_type.title"),
    ("POST", "/agents/a/chat", {"message": HALF}, "body.message"),
    ("POST", "/agents/a/stream", {"message": HALF}, "body.message"),
    ("POST", "/agents/a/stream", {"message": "hi", "stream_id": HALF}, "body.stream_id"),
    ("POST", "/streams/s/steer", {"message": HALF}, "body.message"),
    ("POST", "/streams/s/approve", {"call_id": HALF}, "body.call_id"),
    ("POST", "/streams/s/approve", {"call_id": "c", "arguments": HALF}, "body.arguments"),
    ("POST", "/streams/s/deny", {"call_id": "c", "reason": HALF}, "body.reason"),
    ("POST", "/streams/s/answer", {"call_id": "c", "answer": HALF}, "body.answer"),
    ("POST", "/streams/s/answer", {"call_id": "c", "answer": [HALF]}, "body.answer[0]"),
    ("POST", "/api/agent/chat/stream", {"session_id": "a", "query": HALF}, "body.query"),
    ("PATCH", "/sessions/a", {"title": HALF}, "body.title"),
    ("POST", "/sessions/a/fork", {"id": HALF}, "body.id"),
]


@pytest.mark.parametrize(("method", "path", "body", "place"), BODIES)
async def test_a_str_that_utf_8_can_not_encode_is_refused_in_a_line_that_names_its_place(
    site: Site, method: str, path: str, body: dict[str, Any], place: str
) -> None:
    await site.agent("echo")
    status, answer = await site.json(method, path, body)
    assert status == 422
    assert answer["error"]["message"] == f"{place}: expected text that UTF-8 can encode, got half of a surrogate pair"
    _, agents = await site.json("GET", "/agents")
    assert [each["id"] for each in agents["agents"]] == ["a"]


async def test_a_socket_refuses_such_a_str_too_and_stays_open(site: Site) -> None:
    await site.agent("echo")
    async with site.http.ws_connect(f"{site.url}/ws") as socket:
        await socket.send_str('{"action": "stream_chat", "agent_id": "a", "message": "\\ud800"}')
        assert (await socket.receive_json())["type"] == "refused"
        await socket.send_str('{"action": "ping"}')
        assert (await socket.receive_json())["type"] == "pong"


class Kept(LiveSessions):
    """Sessions with one stored stream, as an older version may have written it."""

    async def kept_stream(self, stream_id: str) -> StreamRecord | None:
        return StreamRecord(stream_id, "a", "?", StreamStatus.COMPLETE, AT, AT, None, None, 0, 2, EVENTS[-1].seq)

    async def events(self, stream_id: str, after: int, limit: int) -> list[Event]:
        return [event for event in EVENTS if after < event.seq <= after + limit]


@pytest.fixture
async def kept(site: Site) -> AsyncIterator[Site]:
    async with serving(Gateway(site.settings, Kept(), TOKEN), site.settings) as served:
        yield Site(served, site.http, site.settings)


async def test_events_with_half_a_surrogate_pair_are_sent_with_a_replacement(kept: Site) -> None:
    events = await kept.events("kept")
    assert [event.id for event in events] == [1, 2, 3, 4, 5, 6]
    assert [event.data["text"] for event in events if event.name == "token"] == ["half \ufffd", "whole"]
    assert events[3].data["data"] == {"half \ufffd": ["half \ufffd"]}
    assert events[-1].data["content"] == "half \ufffd"
    async with kept.http.ws_connect(f"{kept.url}/ws") as socket:
        await socket.send_str('{"action": "subscribe", "stream_id": "kept"}')
        messages = [msgspec.json.decode((await socket.receive()).data) for _ in range(7)]
    assert [each.get("seq") for each in messages] == [None, 1, 2, 3, 4, 5, 6]
    assert (messages[2]["data"], messages[3]["data"]) == ("half \ufffd", "whole")


@pytest.fixture
async def stored(tmp_path: Path) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(RehearsalServer(builtin()))
        settings = Settings(
            base_url=server.base_url,
            api_key=SecretStr("any"),
            tools=ToolSettings(workers=1),
            sessions=SessionSettings(url=f"sqlite:///{tmp_path}/s.db", durability=Durability.SYNC),
            gateway=GatewaySettings(port=0),
        )
        await stack.enter_async_context(application.running(settings))
        served = await stack.enter_async_context(serving(Gateway(settings, StoredSessions(), TOKEN), settings))
        http = await stack.enter_async_context(aiohttp.ClientSession(headers={"authorization": f"Bearer {TOKEN}"}))
        yield Site(served, http, settings)


async def test_an_old_invalid_name_breaks_no_list_and_its_agent_answers(stored: Site) -> None:
    await stored.agent("echo", "good")
    journal = await open_journal()
    assert journal is not None
    journal.begin_session("old", HALF, {"model": "echo", "name": HALF})
    await journal.durable()
    status, answer = await stored.json("POST", "/agents/old/chat", {"message": "hello"})
    assert (status, answer["response"]["content"]) == (200, "hello")
    for path in ("/agents", "/sessions", "/tree", "/processes", "/agents/old", "/sessions/old"):
        status, answer = await stored.json("GET", path)
        assert status == 200, path
    _, sessions = await stored.json("GET", "/sessions")
    assert {each["id"]: each["name"] for each in sessions["sessions"]} == {"good": "agent", "old": "half \ufffd"}
    async with stored.http.get(f"{stored.url}/sessions/old/export") as export:
        assert [json.loads(line) for line in (await export.read()).splitlines()]


async def test_an_agent_whose_code_only_the_store_names_is_refused_and_its_session_is_read(stored: Site) -> None:
    journal = await open_journal()
    assert journal is not None
    journal.begin_session("evil", "evil", {"model": "echo", "tools": ["subprocess:getoutput"]})
    journal.recorder("evil", "cut", "go", on_durable=lambda _: None, on_failure=lambda _: None)
    await journal.durable()
    status, answer = await stored.json("POST", "/agents/evil/chat", {"message": "hello"})
    assert status == 422
    assert answer["error"]["faults"] == [
        "tools[0]: expected a built-in tool, or code that this program gave an agent, got 'subprocess:getoutput'"
    ]
    for path in ("/sessions", "/sessions/evil", "/streams/cut"):
        assert (await stored.json("GET", path))[0] == 200, path
    assert (await stored.json("GET", "/streams/cut/events"))[0] == 503
    assert (await stored.json("POST", "/streams/cut/cancel"))[0] == 200
