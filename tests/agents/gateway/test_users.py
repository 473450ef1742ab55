"""Several users at one gateway: each sees only its own agents, sessions and streams."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from agents.settings import Scope
from supervisors import agent_supervisor
from tests.agents.gateway.site import Site, events
from tests.agents.gateway.users import ANN, BOB, ROOT, House, house, token
from tests.agents.sample_tools import pays

FREE = "zz"
"""An id that does not exist, as long as the existing ones."""

ASKED = [
    ("GET", "/agents/{agent}", None),
    ("POST", "/agents/{agent}/chat", {"message": "x"}),
    ("POST", "/agents/{agent}/stream", {"message": "x"}),
    ("GET", "/sessions/{agent}", None),
    ("GET", "/sessions?after={agent}", None),
    ("GET", "/sessions/{agent}/export", None),
    ("POST", "/sessions/{agent}/fork", {}),
    ("PATCH", "/sessions/{agent}", {"title": "x"}),
    ("GET", "/streams/{stream}", None),
    ("GET", "/streams/{stream}/events", None),
    ("GET", "/streams/{stream}/events?after=99", None),
    ("POST", "/streams/{stream}/cancel", {}),
    ("POST", "/streams/{stream}/approve", {"call_id": "c"}),
    ("POST", "/streams/{stream}/deny", {"call_id": "c"}),
    ("POST", "/streams/{stream}/answer", {"call_id": "c", "answer": "x"}),
    ("POST", "/streams/{stream}/steer", {"message": "x"}),
    ("POST", "/message/stream/{stream}/interrupt", {}),
    ("DELETE", "/sessions/{agent}", {}),
    ("DELETE", "/agents/{agent}", None),
]

ACTIONS: list[dict[str, Any]] = [
    {"action": "stream_chat", "agent_id": "{agent}", "message": "x"},
    {"action": "subscribe", "stream_id": "{stream}"},
    {"action": "subscribe", "stream_id": "{stream}", "after": 99},
    {"action": "cancel", "stream_id": "{stream}"},
    {"action": "approve", "stream_id": "{stream}", "call_id": "c"},
    {"action": "deny", "stream_id": "{stream}", "call_id": "c"},
    {"action": "answer", "stream_id": "{stream}", "call_id": "c", "answer": "x"},
    {"action": "steer", "stream_id": "{stream}", "message": "x"},
]


class Users(Struct):
    house: House
    ann: Site
    bob: Site
    root: Site


@pytest.fixture(params=["live", "kept"])
async def users(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Users]:
    store = tmp_path / "sessions.db" if request.param == "kept" else None
    async with AsyncExitStack() as stack:
        of = await stack.enter_async_context(house([ANN, BOB, ROOT], store))
        clients = [await stack.enter_async_context(of.client(each)) for each in (ANN, BOB, ROOT)]
        yield Users(of, *clients)


def filled(template: Any, agent_id: str, stream_id: str) -> Any:
    """Return the template with these ids in place of {agent} and {stream}."""
    match template:
        case dict():
            return {key: filled(value, agent_id, stream_id) for key, value in template.items()}
        case str():
            return template.replace("{agent}", agent_id).replace("{stream}", stream_id)
    return template


async def whole(client: Site, method: str, path: str, body: Any) -> tuple[int, dict[str, str], str]:
    async with client.http.request(method, client.url + path, json=body) as response:
        own = ("date", "x-request-id")
        headers = {name: value for name, value in response.headers.items() if name.lower() not in own}
        return response.status, headers, await response.text()


async def differing_answers(client: Site, agent_id: str, stream_id: str) -> list[str]:
    """Return the answers that differ between these ids and one that does not exist."""
    found = []
    for method, path, body in ASKED:
        at, other = ((agent_id, stream_id), (FREE, FREE))
        theirs = await whole(client, method, filled(path, *at), filled(body, *at))
        nobodys = await whole(client, method, filled(path, *other), filled(body, *other))
        if (*theirs[:2], masked(theirs[2], *at)) != (*nobodys[:2], masked(nobodys[2], *other)):
            found.append(f"{method} {path}")
    async with client.socket() as socket:
        for action in ACTIONS:
            answers = []
            for ids in ((agent_id, stream_id), (FREE, FREE)):
                await socket.send_json(filled(action, *ids))
                answers.append(masked(await socket.receive_str(timeout=30), *ids))
            if answers[0] != answers[1]:
                found.append(str(action))
    return found


def masked(text: str, agent_id: str, stream_id: str) -> str:
    return text.replace(f"'{agent_id}'", "'ID'").replace(f"'{stream_id}'", "'ID'")


async def listed(client: Site) -> tuple[list[str], list[str]]:
    """Return the ids of the listed agents and sessions."""
    agents = (await client.json("GET", "/agents"))[1]["agents"]
    sessions = (await client.json("GET", "/sessions"))[1]["sessions"]
    return sorted(each["id"] for each in agents), sorted(each["id"] for each in sessions)


async def started(client: Site, id_: str, **more: Any) -> tuple[int, Any]:
    return await client.json("POST", "/agents", {"id": id_, "model": "echo", **more})


async def test_another_users_things_are_answered_as_missing_ones(users: Users) -> None:
    assert (await started(users.ann, "a1"))[0] == 201
    assert (await users.ann.stream("a1", "hello", stream_id="s1"))[-1].name == "complete"
    assert await differing_answers(users.bob, "a1", "s1") == []
    assert len(await differing_answers(users.root, "a1", "s1")) > 10  # the answers differ for a caller that sees it


async def test_another_users_things_are_missing_also_while_they_run(users: Users) -> None:
    await started(users.ann, "a1", model="slow")
    async with users.ann.socket() as socket:
        await socket.send_json({"action": "stream_chat", "agent_id": "a1", "message": "go", "stream_id": "s1"})
        while (await socket.receive_json(timeout=30))["type"] != "token":
            pass
        assert await differing_answers(users.bob, "a1", "s1") == []
        assert (await users.ann.json("GET", "/streams/s1"))[1]["status"] == "running"


async def test_admin_sees_agents_without_an_owner(users: Users) -> None:
    await users.house.site.agent("echo", "n1")
    await users.house.site.stream("n1", "hello", stream_id="s1")
    for client in (users.ann, users.bob):
        assert await differing_answers(client, "n1", "s1") == []
        assert await listed(client) == ([], [])
    for client in (users.root, users.house.site):
        assert await listed(client) == (["n1"], ["n1"])
        assert (await client.json("GET", "/streams/s1"))[0] == 200


async def test_lists_have_a_users_own_and_for_admin_all(users: Users) -> None:
    for id_ in ("a1", "a2", "a3"):
        await started(users.ann, id_)
    await started(users.bob, "b1")
    assert await listed(users.ann) == (["a1", "a2", "a3"], ["a1", "a2", "a3"])
    assert await listed(users.bob) == (["b1"], ["b1"])
    for client in (users.root, users.house.site):
        assert (await listed(client))[0] == ["a1", "a2", "a3", "b1"]
    page = (await users.ann.json("GET", "/agents?limit=1&after=a1"))[1]["agents"]
    assert page == [{"id": "a2", "name": "agent", "live": True, "owner": "ann"}]


async def test_an_agent_belongs_to_the_user_who_starts_it_and_shows_the_owner(users: Users) -> None:
    status, info = await started(users.ann, "a1")
    assert (status, info["owner"]) == (201, "ann")
    assert "owner" not in (await started(users.house.site, "n1"))[1]
    assert (await started(users.root, "r1"))[1]["owner"] == "root"
    assert (await users.ann.json("GET", "/agents/r1"))[0] == 404


async def test_only_admin_starts_an_agent_for_another_user(users: Users) -> None:
    status, answer = await started(users.ann, "x1", owner="bob")
    assert (status, answer["error"]["type"]) == (403, "forbidden")
    assert "admin" in answer["error"]["message"]
    assert await listed(users.root) == ([], [])
    assert (await started(users.ann, "x1", owner="ann"))[0] == 201
    assert (await started(users.root, "x2", owner="bob"))[1]["owner"] == "bob"
    assert (await started(users.house.site, "x3", owner="bob"))[1]["owner"] == "bob"
    assert await listed(users.bob) == (["x2", "x3"], ["x2", "x3"])
    assert (await started(users.root, "x4", owner="no such\nname"))[0] == 422


async def test_an_id_of_another_user_is_a_conflict(users: Users) -> None:
    await started(users.ann, "a1")
    await users.house.site.agent("echo", "n1")
    for id_ in ("a1", "n1"):
        status, answer = await started(users.bob, id_)
        assert (status, answer["error"]["type"]) == (409, "conflict")
        begun = await users.bob.json("POST", "/api/agent/chat/stream", {"query": "x", "session_id": id_})
        assert (begun[0], begun[1]["error"]["type"]) == (409, "conflict")
    assert (await users.root.json("GET", "/agents/a1"))[1]["owner"] == "ann"


async def test_a_stream_id_of_another_user_is_a_conflict_and_its_stream_stays_hidden(users: Users) -> None:
    await started(users.ann, "a1")
    await started(users.bob, "b1")
    await users.ann.stream("a1", "a secret", stream_id="s1")
    for path, body in (
        ("/agents/b1/chat", {"message": "x", "stream_id": "s1"}),
        ("/agents/b1/stream", {"message": "x", "stream_id": "s1"}),
        ("/api/agent/chat/stream", {"query": "x", "session_id": "b1", "assistant_message_id": "s1"}),
        ("/message/stream/s1/create", {}),
    ):
        status, answer = await users.bob.json("POST", path, body)
        assert (status, answer["error"]["type"]) == (409, "conflict"), path
        assert "secret" not in str(answer)
    assert (await users.bob.json("GET", "/sessions/b1"))[1]["conversation"] == []
    assert [event.name for event in await users.ann.events("s1")][-1] == "complete"


async def test_only_its_agents_owner_decides_about_a_call(users: Users) -> None:
    only_chats = token("ann-2", "ann", Scope.CHAT, Scope.READ)
    users.house.tokens(ANN, BOB, ROOT, only_chats)
    await agent_supervisor.start_agent({"id": "a1", "model": "buyer", "tools": [pays], "owner": "ann"})
    asked = {"message": "buy", "stream_id": "s1"}
    async with (
        users.house.client(only_chats) as chats,
        chats.http.post(f"{chats.url}/agents/a1/stream", json=asked) as response,
    ):
        async for event in events(response):
            if event.name == "approval_required":
                body = {"call_id": event.data["tool_call"]["id"]}
                for client, status in ((users.bob, 404), (chats, 403), (users.ann, 200)):
                    assert (await client.json("POST", "/streams/s1/approve", body))[0] == status
    assert event.data["answer"] == "paid 500"


async def test_no_input_of_a_client_makes_it_another_user(users: Users) -> None:
    only_reads = token("reader", "bob", Scope.READ)
    users.house.tokens(ANN, only_reads)
    await started(users.ann, "a1")
    claims = {"user": "ann", "owner": "ann", "scope": "admin", "scopes": "admin", "user_id": "ann"}
    headers = {f"x-{name}": value for name, value in claims.items()} | {
        "x-forwarded-user": "ann",
        "x-remote-user": "ann",
        "remote-user": "ann",
        "cookie": "; ".join(f"{name}={value}" for name, value in claims.items()),
    }
    query = "&".join(f"{name}={value}" for name, value in claims.items())
    async with users.house.client(only_reads) as reader:
        assert (await reader.json("GET", f"/agents/a1?{query}", headers=headers))[0] == 404
        assert (await reader.json("GET", f"/tree?{query}", headers=headers))[0] == 403
        asked = {"query": "x", "session_id": "a1", **claims}
        assert (await reader.json("POST", f"/api/agent/chat/stream?{query}", asked, headers=headers))[0] == 403
        async with reader.http.ws_connect(f"{reader.url}/ws?{query}", headers=headers) as socket:
            for more in ({}, claims):
                await socket.send_json({"action": "stream_chat", "agent_id": "a1", "message": "x", **more})
                assert (await socket.receive_json(timeout=30))["code"] in ("forbidden", "invalid")
                await socket.send_json({"action": "subscribe", "stream_id": "s1", **more})
                assert (await socket.receive_json(timeout=30))["code"] in ("stream_not_found", "invalid")
    status, _ = await users.ann.json("POST", f"/agents?{query}", {"id": "a2", "model": "echo", "scopes": ["admin"]})
    assert status == 422


async def test_two_tokens_of_one_user_see_the_same(users: Users) -> None:
    phone = token("phone", "ann", Scope.READ)
    users.house.tokens(ANN, phone)
    await started(users.ann, "a1")
    async with users.house.client(phone) as other:
        assert await listed(other) == (["a1"], ["a1"])


async def test_of_many_users_with_one_stream_id_each_gets_an_own_answer_or_a_refusal(users: Users) -> None:
    await started(users.ann, "a1")
    await started(users.bob, "b1")
    asked = [
        client.json("POST", f"/agents/{id_}/chat", {"message": id_, "stream_id": "s1"})
        for client, id_ in ((users.ann, "a1"), (users.bob, "b1")) * 3
    ]
    answers = await asyncio.gather(*asked)
    assert any(status == 200 for status, _ in answers)
    for (status, answer), id_ in zip(answers, ("a1", "b1") * 3, strict=True):
        other = "b1" if id_ == "a1" else "a1"
        assert status in (200, 409, 502)
        assert other not in str(answer)
    for client, other in ((users.ann, "b1"), (users.bob, "a1")):
        for path in ("/streams/s1", "/streams/s1/events"):
            async with client.http.get(client.url + path) as response:
                assert other not in await response.text()


async def test_one_of_many_users_who_want_an_id_gets_it(users: Users) -> None:
    answers = await asyncio.gather(*(started(each, "x1") for each in (users.ann, users.bob) * 5))
    assert sorted(status for status, _ in answers) == [201] + [409] * 9
    owner = next(info["owner"] for status, info in answers if status == 201)
    assert (await users.root.json("GET", "/agents/x1"))[1]["owner"] == owner


async def test_a_deadline_below_the_hosts_floor_is_refused_to_users_and_not_to_admin(
    users: Users,
) -> None:
    status, answer = await started(users.ann, "a1", streaming_config={"chunk_timeout": 999})
    assert status == 422
    assert answer["error"]["message"].startswith("streaming_config.chunk_timeout: expected at least 1000")
    assert answer["error"]["message"].endswith("got 999")
    assert (await started(users.ann, "a1", streaming_config={"chunk_timeout": 1000}))[0] == 201
    assert (await started(users.root, "a2", streaming_config={"chunk_timeout": 1}))[0] == 201
