"""The words of the documents: the default agent, sessions that messages begin, and the frames of the chat interface."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from agents.gateway import Gateway, LiveSessions, serving
from agents.settings import Settings
from agents.settings.agent import AgentSettings
from tests.agents.gateway.site import TOKEN, Site, Sse, events
from tests.agents.gateway.users import ANN, BOB, house
from tests.agents.sample_tools import raises, whoami

SCRIPT = """
[models.failing]
[[models.failing.turns]]
steps = [
    { tool_calls = [
        { name = "raises", arguments = { text = "no luck" } },
        { name = "calculator", arguments = { expression = "6 * 7" } }] },
    { text = "Done." },
]

[models.bare]
[[models.bare.turns]]
steps = [{ tool_calls = [{ name = "whoami", arguments = "" }] }, { text = "Done." }]

[models.slow]
turns = [{ steps = [{ text = "One two three.", fault = { name = "stall", after_tokens = 2 } }] }]
"""


async def frames(site: Site, path: str, body: dict[str, Any]) -> list[Any]:
    async with site.http.post(site.url + path, json=body) as response:
        assert response.status == 200, await response.text()
        return [event.data async for event in events(response)]


async def test_a_message_without_an_agent_goes_to_the_only_agent(site: Site) -> None:
    await site.agent("echo")
    async with site.http.ws_connect(site.url + "/") as socket:
        await socket.send_json({"action": "stream_chat", "message": "Hello", "ref": 1})
        answer = await socket.receive_json(timeout=30)
        assert answer["data"] == {"stream_id": answer["data"]["stream_id"], "over": False, "agent_id": "a"}
        kinds = [(await socket.receive_json(timeout=30))["type"] for _ in range(3)]
    assert kinds == ["start", "token", "complete"]


@pytest.mark.parametrize("agents", [0, 2])
async def test_a_message_without_an_agent_needs_a_default_or_an_only_one(site: Site, agents: int) -> None:
    for number in range(agents):
        await site.agent("echo", f"a{number}")
    async with site.socket() as socket:
        await socket.send_json({"action": "stream_chat", "message": "Hello"})
        refused = await socket.receive_json(timeout=30)
    assert (refused["type"], refused["code"]) == ("refused", "invalid")
    assert refused["error"].startswith("stream_chat.agent_id: expected the id of an agent, since gateway.default_agent")
    status, answer = await site.json("POST", "/stream", {"text": "Hello"})
    assert (status, answer["error"]["message"].split(":")[0]) == (422, "agent_id")


async def test_the_default_agent_gets_the_messages_that_name_none(site: Site) -> None:
    app = Gateway(with_default(site.settings, "b"), LiveSessions(), TOKEN)
    await site.agent("echo", "a")
    await site.agent("echo", "b")
    async with served(app, site) as own:
        *_, done = await frames(own, "/stream", {"text": "Hello", "orgId": "o", "conversationContext": []})
        assert done["type"] == "done"
        assert (await own.json("GET", "/agents/b"))[1]["messages"] == 2
        assert (await own.json("GET", "/agents/a"))[1]["messages"] == 0


async def test_the_frames_of_a_turn_with_tools_have_the_documents_words(site: Site) -> None:
    await site.agent("failing", tools=["calculator", raises])
    found = await frames(site, "/stream", {"text": "go", "orgId": None})
    by_type: dict[str, list[Any]] = {}
    for each in found:
        by_type.setdefault(each["type"], []).append(each)
    bad, good = by_type["tool_call"]
    assert (bad["toolCall"]["function"]["name"], good["toolCall"]["function"]["arguments"]) == (
        "raises",
        '{"expression":"6 * 7"}',
    )
    names = {each["toolId"]: each["toolName"] for each in by_type["tool_execution_start"]}
    assert names == {each["toolCall"]["id"]: each["toolCall"]["function"]["name"] for each in (bad, good)}
    assert [(each["toolId"], each["result"]) for each in by_type["tool_execution_complete"]] == [
        (good["toolCall"]["id"], 42)
    ]
    (failed,) = by_type["tool_execution_error"]
    assert failed["toolId"] == bad["toolCall"]["id"]
    assert "no luck" in failed["error"]
    assert "".join(each["content"]["content"] for each in by_type["delta"]) == "Done."
    assert found[-1]["type"] == "done"
    assert "complete" not in by_type
    assert all(each.get("at") or each["data"]["at"] for each in found)


async def test_arguments_that_the_model_left_out_are_an_empty_object_for_the_documents_client(site: Site) -> None:
    await site.agent("bare", tools=[whoami])
    found = await frames(site, "/stream", {"text": "go"})
    (called,) = (each["toolCall"] for each in found if each["type"] == "tool_call")
    assert called["function"]["arguments"] == "{}"


async def test_a_failed_turn_ends_with_one_error_frame(site: Site) -> None:
    await site.agent("fault-error_event", streaming_config={"max_retries": 0})
    *_, last = await frames(site, "/stream", {"text": "go"})
    assert last["type"] == "error"
    assert isinstance(last["error"], str)


async def test_chunks_are_counted_from_zero(site: Site) -> None:
    await site.agent("echo")
    found = await frames(site, "/api/agent/chat/stream", {"query": "one two three", "session_id": "a"})
    chunks = [each for each in found if each["type"] == "stream_chunk"]
    assert [each["metadata"]["index"] for each in chunks] == list(range(len(chunks)))
    assert all(each["at"] for each in chunks)


async def test_a_message_begins_the_session_that_it_names(site: Site) -> None:
    app = Gateway(with_default(site.settings, "host", tools=["calculator"]), LiveSessions(), TOKEN)
    async with served(app, site) as own:
        start, *_, end = await frames(own, "/api/agent/chat/stream", {"query": "Hi", "session_id": "new-1"})
        assert (start["session_id"], end["type"]) == ("new-1", "complete")
        status, agent = await own.json("GET", "/agents/new-1")
        assert (status, agent["model"], agent["tools"], agent["messages"]) == (200, "echo", ["calculator"], 2)
        await frames(own, "/api/agent/chat/stream", {"query": "Hi", "session_id": "new-1"})
        assert (await own.json("GET", "/agents/new-1"))[1]["messages"] == 4


async def test_messages_that_begin_one_session_at_the_same_time_are_all_answered(site: Site) -> None:
    app = Gateway(with_default(site.settings, "host"), LiveSessions(), TOKEN)
    async with served(app, site) as own:
        body = {"query": "Hi", "session_id": "new-1"}
        answers = await asyncio.gather(*(frames(own, "/api/agent/chat/stream", body) for _ in range(5)))
        assert {each[-1]["type"] for each in answers} == {"complete"}
        assert (await own.json("GET", "/agents/new-1"))[1]["messages"] == 10


async def test_a_message_without_a_session_begins_a_new_one_each_time(site: Site) -> None:
    app = Gateway(with_default(site.settings, "host"), LiveSessions(), TOKEN)
    async with served(app, site) as own:
        begun = {(await frames(own, "/api/agent/chat/stream", {"query": "Hi"}))[0]["session_id"] for _ in range(2)}
        assert len(begun) == 2
        assert {each["id"] for each in (await own.json("GET", "/agents"))[1]["agents"]} == begun


async def test_a_session_that_a_user_begins_is_its_own() -> None:
    async with house([ANN, BOB]) as found:
        settings = with_default(found.site.settings, "host")
        found.app.take(settings)
        async with found.client(ANN) as ann, found.client(BOB) as bob:
            body = {"query": "Hi", "session_id": "mine"}
            assert (await frames(ann, "/api/agent/chat/stream", body))[-1]["type"] == "complete"
            assert (await ann.json("GET", "/sessions/mine"))[1]["owner"] == "ann"
            assert (await bob.json("GET", "/sessions/mine"))[0] == 404
            assert (await bob.json("POST", "/api/agent/chat/stream", body))[0] == 409


# EventSource


async def ticket(site: Site, body: dict[str, Any], status: int = 201) -> Any:
    found, answer = await site.json("POST", "/tickets", body)
    assert found == status, answer
    return answer.get("ticket")


async def got(site: Site, path: str, **headers: str) -> tuple[int, list[Sse]]:
    async with aiohttp.ClientSession(headers=headers) as http, http.get(site.url + path) as response:
        if response.status != 200:
            return response.status, []
        return 200, [event async for event in events(response)]


async def test_a_ticket_of_an_agent_sends_one_message_by_get(site: Site) -> None:
    await site.agent("echo")
    secret = await ticket(site, {"agent_id": "a"})
    status, found = await got(site, f"/agents/a/stream?message=one%20two&ticket={secret}")
    assert (status, found[-1].name, found[-1].data["content"]) == (200, "complete", "one two")
    assert (await got(site, f"/agents/a/stream?message=again&ticket={secret}"))[0] == 401
    assert (await site.json("GET", "/agents/a"))[1]["messages"] == 2


async def test_a_get_that_sends_a_message_needs_a_ticket_of_its_agent_or_a_token(site: Site) -> None:
    await site.agent("echo")
    await site.agent("echo", "b")
    path = "/agents/a/stream?message=x"
    assert (await got(site, path))[0] == 401
    for body in ({}, {"agent_id": "b"}, {"stream_id": "s"}):
        assert (await got(site, f"{path}&ticket={await ticket(site, body)}"))[0] == 401
    assert (await got(site, path, authorization=f"Bearer {TOKEN}"))[0] == 200
    assert (await site.json("GET", "/agents/a/stream"))[0] == 422
    await ticket(site, {"agent_id": "a", "stream_id": "s"}, 422)


async def test_a_page_session_sends_no_message_by_get(site: Site) -> None:
    await site.agent("echo")
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        origin = {"origin": site.url}
        async with http.post(f"{site.url}/login", json={"token": TOKEN}, headers=origin) as response:
            assert response.status == 200
        async with http.get(f"{site.url}/agents/a", headers=origin) as response:
            assert response.status == 200
        async with http.get(f"{site.url}/agents/a/stream?message=x", headers=origin) as response:
            assert response.status == 401
            assert "ticket" in (await response.json())["error"]["message"]


def with_default(settings: Settings, id_: str, **config: Any) -> Settings:
    """Return the settings with this default agent, as a configured one. The test starts the agents."""
    gateway = settings.gateway.model_copy(update={"default_agent": id_})
    agents = (AgentSettings.model_validate({"id": id_, "model": "echo", **config}),)
    return settings.model_copy(update={"gateway": gateway, "agents": agents})


@asynccontextmanager
async def served(app: Gateway, site: Site) -> AsyncIterator[Site]:
    async with serving(app, site.settings) as server:
        yield Site(server, site.http, site.settings)
