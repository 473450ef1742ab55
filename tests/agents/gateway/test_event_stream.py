"""Streams as server-sent events: names, data, places, heartbeats, compression, and reconnecting clients."""

import re

import aiohttp
import pytest

from agents import agent
from agents.agent_registry import find_agent
from agents.settings import GatewaySettings, StreamingSettings
from tests.agents.gateway.site import Site, Sse, events, parsed, text_of

SCRIPT = """
[models.helper]
turns = [{ steps = [
    { text = "Let me see.", tool_calls = [{ name = "calculator", arguments = { expression = "6 * 7" } }] },
    { text = "It is {result:0}." },
] }]

[models.silent]
turns = [{ steps = [{ text = "One two three.", fault = { name = "stall", after_tokens = 1 } }] }]
"""
GATEWAY = GatewaySettings(port=0, heartbeat=20)
STREAMING = StreamingSettings(timeout=1000)


async def test_every_event_has_its_name_its_data_and_its_place(site: Site) -> None:
    await site.agent("helper", tools=["calculator"])
    found = await site.stream("a", "what is 6 * 7?")
    assert [event.id for event in found] == list(range(1, len(found) + 1))
    names = list(dict.fromkeys(event.name for event in found))
    assert names == [
        "start",
        "token",
        "function_start",
        "function_arguments",
        "function_complete",
        *(["usage"] if "usage" in names else []),
        "execution_start",
        "tool_start",
        "tool_result",
        "complete",
    ]
    by_name = {event.name: event.data for event in found}
    assert by_name["start"]["agent_id"] == "a"
    assert by_name["function_start"]["function"] == {"name": "calculator", "arguments": ""}
    assert by_name["function_complete"]["function"]["arguments"] == '{"expression":"6 * 7"}'
    assert by_name["tool_result"]["result"]["content"] == "42"
    assert by_name["complete"]["content"] == text_of(found) == "Let me see.It is 42."


async def test_the_wire_is_that_of_server_sent_events(site: Site) -> None:
    await site.agent("echo")
    async with site.http.post(f"{site.url}/agents/a/stream", json={"message": 'say "hi"'}) as response:
        body = await response.read()
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert "no-cache" in response.headers["cache-control"]
    assert re.search(rb'id: 2\nevent: token\ndata: {"text":"say","at":[0-9.]+}\n\n', body)
    assert body.endswith(b"\n\n")


@pytest.mark.parametrize("after", range(5))
async def test_a_stream_continues_after_any_place(site: Site, after: int) -> None:
    await site.agent("echo")
    found = await site.stream("a", "one two", stream_id="s")
    again = await site.events("s", after)
    assert text_of(again) == text_of(found[after:])
    assert [event.id for event in again[-1:]] == [event.id for event in found[after:][-1:]]
    assert await site.events("s", last_event_id=str(after)) == again


async def test_last_event_id_takes_precedence_over_after(site: Site) -> None:
    await site.agent("echo")
    found = await site.stream("a", "one two", stream_id="s")
    assert await site.events("s", after=0, last_event_id="3") == found[3:]


@pytest.mark.parametrize("after", ["-1", "x", "1.0", "1_0", " 1", "5", "99999999999999999999", "٣", "1e3", ""])
async def test_an_invalid_place_is_refused_in_words(site: Site, after: str) -> None:
    await site.agent("echo")
    await site.stream("a", "one two", stream_id="s")
    status, answer = await site.json("GET", "/streams/s/events", params={"after": after})
    assert status == 422
    assert "expected the seq of an event" in answer["error"]["message"]
    if after.isascii() and after.strip() == after:
        assert (await site.json("GET", "/streams/s/events", headers={"Last-Event-ID": after}))[0] == 422


async def test_a_stream_that_waits_for_its_turn_is_read_from_its_beginning(site: Site) -> None:
    pid = await site.agent("silent")
    response = await site.http.post(f"{site.url}/agents/{pid}/stream", json={"message": "go", "stream_id": "first"})
    waiting = await site.http.post(f"{site.url}/agents/{pid}/stream", json={"message": "go", "stream_id": "second"})
    assert (await site.json("GET", "/streams/second"))[1]["status"] == "waiting"
    response.close()
    await site.json("POST", "/streams/first/cancel")
    found = [event async for event in events(waiting)]
    assert [found[0].name, found[-1].name] == ["start", "timeout"]


async def test_a_deadline_of_the_provider_is_sent_as_a_timeout(site: Site) -> None:
    await site.agent("silent")
    *_, end = await site.stream("a", "go")
    assert end.name == "timeout"
    assert end.data["error"]["type"] == "timeout"
    assert end.data["content"] == "One"


async def test_a_silent_stream_sends_heartbeats(site: Site) -> None:
    await site.agent("silent")
    async with site.http.post(f"{site.url}/agents/a/stream", json={"message": "go"}) as response:
        body = await response.read()
    comments = [block for block in body.split(b"\n\n") if block == b":"]
    assert len(comments) >= 2
    assert not list(parsed(b":"))


async def test_a_stream_continues_without_its_clients(site: Site) -> None:
    await site.agent("silent")
    response = await site.http.post(f"{site.url}/agents/a/stream", json={"message": "go", "stream_id": "s"})
    async for event in events(response):
        if event.name == "token":
            break
    response.close()
    found = await site.events("s")
    assert [event.name for event in found] == ["start", "token", "timeout"]


async def test_an_agent_that_dies_ends_its_streams(site: Site) -> None:
    await site.agent("silent")
    running = await site.http.post(f"{site.url}/agents/a/stream", json={"message": "go"})
    waiting = await site.http.post(f"{site.url}/agents/a/stream", json={"message": "go"})
    await site.json("DELETE", "/agents/a")
    ends = [[event async for event in events(each)][-1] for each in (running, waiting)]
    assert [end.data["error"]["type"] for end in ends] == ["interrupted"] * 2


async def test_a_stream_is_readable_by_every_client(site: Site) -> None:
    await site.agent("echo")
    pid = find_agent("a")
    assert pid is not None
    stream_id = agent.stream_chat(pid, "one two", pid)  # a subscriber in this process
    await agent.info(pid)
    assert text_of(await site.events(stream_id)) == "one two"


async def test_without_enable_compression_nothing_is_compressed(site: Site) -> None:
    await site.agent("echo")
    async with site.http.post(f"{site.url}/agents/a/stream", json={"message": "one"}) as response:
        assert "content-encoding" not in response.headers
        await response.read()


# Seed formats


async def lines(site: Site, path: str, body: dict[str, str]) -> list[Sse]:
    async with site.http.post(site.url + path, json=body) as response:
        assert response.status == 200
        return [event async for event in events(response)]


async def test_a_session_is_asked_by_the_route_that_names_messages(site: Site) -> None:
    await site.agent("echo")
    body = {"query": "one two", "session_id": "a", "user_id": "u"}
    assert (await site.json("POST", "/message/stream/m1/create"))[0] == 201
    found = await lines(site, "/api/agent/chat/stream", {**body, "assistant_message_id": "m1"})
    assert [event.name for event in found] == ["message"] * len(found)
    messages = [event.data for event in found]
    assert messages[0] == {"type": "session_start", "session_id": "a", "assistant_message_id": "m1"}
    assert "".join(each["content"] for each in messages if each["type"] == "stream_chunk") == "one two"
    assert messages[-1]["type"] == "complete"
    assert (await site.json("POST", "/message/stream/m1/create"))[0] == 409


async def test_a_message_is_interrupted_while_it_is_streamed(site: Site) -> None:
    await site.agent("silent")
    body = {"query": "go", "session_id": "a", "assistant_message_id": "m1"}
    last = None
    async with site.http.post(f"{site.url}/api/agent/chat/stream", json=body) as response:
        async for event in events(response):
            last = event.data
            if event.data["type"] == "stream_chunk":
                path = "/message/stream/m1/interrupt"
                assert await site.json("POST", path) == (200, {"interrupted": True})
    assert last == {"type": "interrupted", "content": "One", "at": last["at"]}


async def test_a_refused_client_gets_json_and_no_stream(site: Site) -> None:
    async with site.http.post(f"{site.url}/agents/none/stream", json={"message": "x"}) as response:
        assert response.status == 404
        assert response.content_type == "application/json"
        assert (await response.json())["error"]["type"] == "agent_not_found"


async def test_an_answer_has_the_headers_that_keep_a_browser_safe(site: Site) -> None:
    async with aiohttp.ClientSession() as plain, plain.get(f"{site.url}/agents") as refused:
        assert refused.status == 401
        for headers in (refused.headers, (await site.http.get(f"{site.url}/agents")).headers):
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert not [name for name in headers if name.lower().startswith("access-control")]
            assert "server" not in headers
