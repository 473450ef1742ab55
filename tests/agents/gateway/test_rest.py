"""REST: agents, whole answers, streams and decisions about them, and the system."""

import asyncio
import re

import pytest

from agents import agent
from agents.agent_registry import find_agent
from agents.core.conversation import UserMessage
from agents.gateway.reports import without_secrets
from tests.agents.gateway.site import BUYER_AND_SLOW, HOST, Site, events, text_of
from tests.agents.sample_tools import pays

SCRIPT = (
    BUYER_AND_SLOW
    + HOST
    + """

[models.broken]
turns = [{ steps = [{ fault = { name = "error_event" } }] }]
"""
)


async def stalled(site: Site, agent_id: str) -> str:
    """Return the id of a stream that has sent two tokens and waits until it is cancelled."""
    stream_id = "stalled"
    response = await site.http.post(
        f"{site.url}/agents/{agent_id}/stream", json={"message": "go", "stream_id": stream_id}
    )
    async for event in events(response):
        if event.id == 3:
            break
    response.close()
    return stream_id


async def test_an_agent_is_started_listed_shown_and_stopped(site: Site) -> None:
    status, info = await site.json("POST", "/agents", {"name": "Helper", "model": "echo", "tools": ["calculator"]})
    assert (status, info["name"], info["model"], info["tools"]) == (201, "Helper", "echo", ["calculator"])
    assert len(info["id"]) == 32  # not guessable
    listed = (await site.json("GET", "/agents"))[1]["agents"]
    assert listed == [{"id": info["id"], "name": "Helper", "live": True}]
    assert await site.json("GET", f"/agents/{info['id']}") == (200, info)
    assert await site.json("DELETE", f"/agents/{info['id']}") == (200, {"stopped": True})
    assert (await site.json("GET", f"/agents/{info['id']}"))[0] == 404


async def test_agents_are_listed_in_pages(site: Site) -> None:
    for id_ in "cab":
        await site.agent("echo", id_)
    status, page = await site.json("GET", "/agents?limit=2")
    assert (status, [each["id"] for each in page["agents"]]) == (200, ["a", "b"])
    assert [each["id"] for each in (await site.json("GET", "/agents?after=b"))[1]["agents"]] == ["c"]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"model": "echo", "colour": "red"}, "body.colour"),
        ({"model": "echo", "base_url": "http://evil.test/"}, "body.base_url"),
        ({"model": "echo", "hooks": {"before_tool": ["os:system"]}}, "body.hooks"),
        ({"model": "echo", "api_key": "sk-secret"}, "body.api_key"),
        ({"model": "echo", "headers": {"x-admin": "1"}}, "body.headers"),
        ({"model": "echo", "query": {"tenant": "other"}}, "body.query"),
        ({"model": "echo", "api_version": "1"}, "body.api_version"),
        ({"model": "echo", "tools": ["os:system"]}, "body.tools[0]"),
        ({"model": "echo", "tools": ["abacus"]}, "calculator"),
        ({"model": "echo", "id": "a/b"}, "body.id"),
        ({"model": "echo", "answer_type": {"type": "object", "pattern": "(a+)+$"}}, "got pattern"),
        (
            {"model": "echo", "answer_type": {"allOf": [{"$defs": {"a": {"patternProperties": {}}}}]}},
            "got patternProperties",
        ),
        ({"model": ""}, "body.model: expected a value that is not empty"),
    ],
)
async def test_an_invalid_agent_is_refused_in_words_and_no_crash_is_logged(
    site: Site, body: dict[str, object], word: str, caplog: pytest.LogCaptureFixture
) -> None:
    status, answer = await site.json("POST", "/agents", body)
    assert status == 422
    assert word in answer["error"]["message"]
    assert answer["error"]["type"] == "invalid"
    assert "secret" not in str(answer)
    assert not caplog.records


async def test_a_schema_may_name_a_property_pattern(site: Site) -> None:
    schema = {"type": "object", "properties": {"pattern": {"type": "string", "enum": [{"pattern": "x"}, "y"]}}}
    assert (await site.json("POST", "/agents", {"model": "echo", "answer_type": schema}))[0] == 201


async def test_an_id_in_use_is_refused(site: Site) -> None:
    await site.agent("echo")
    status, answer = await site.json("POST", "/agents", {"id": "a", "model": "echo"})
    assert (status, answer["error"]["type"]) == (409, "conflict")


async def test_a_chat_returns_the_whole_answer(site: Site) -> None:
    await site.agent("echo")
    status, answer = await site.json("POST", "/agents/a/chat", {"message": "one two"})
    assert status == 200
    assert answer["response"]["content"] == "one two"
    shown = {"stream_id": answer["stream_id"], "agent_id": "a", "status": "complete", "state": "complete", "seq": 4}
    assert await site.json("GET", f"/streams/{answer['stream_id']}") == (200, shown)


async def test_a_turn_that_fails_is_an_error_with_its_reason(site: Site) -> None:
    await site.agent("broken")
    status, answer = await site.json("POST", "/agents/a/chat", {"message": "go"})
    assert status == 502
    assert answer["error"]["type"] == "turn_failed"
    assert answer["error"]["reason"]["type"] == "api_error"


async def test_a_message_that_is_sent_twice_by_one_id_is_answered_once(site: Site) -> None:
    await site.agent("echo")
    body = {"message": "one two", "stream_id": "mine"}
    answers = await asyncio.gather(*(site.json("POST", "/agents/a/chat", body) for _ in range(3)))
    assert all(answer == answers[0] for answer in answers)
    pid = find_agent("a")
    assert pid is not None
    asked = [message for message in await agent.conversation(pid) if isinstance(message, UserMessage)]
    assert len(asked) == 1


async def test_a_stream_id_belongs_to_one_agent(site: Site) -> None:
    await site.agent("echo")
    await site.agent("echo", "b")
    body = {"message": "one two", "stream_id": "mine"}
    assert (await site.json("POST", "/agents/a/chat", body))[0] == 200
    status, answer = await site.json("POST", "/agents/b/chat", body)
    assert (status, answer["error"]["type"]) == (409, "conflict")


async def test_a_stream_is_cancelled_once_and_keeps_its_partial_answer(site: Site) -> None:
    await site.agent("slow")
    stream_id = await stalled(site, "a")
    shown = (await site.json("GET", f"/streams/{stream_id}"))[1]
    assert (shown["status"], shown["seq"]) == ("running", 3)
    path = f"/streams/{stream_id}/cancel"
    assert await site.json("POST", path) == (200, {"cancelled": True})
    assert await site.json("POST", path) == (200, {"cancelled": False})
    *_, end = await site.events(stream_id)
    assert (end.name, end.data["error"]["type"], end.data["content"]) == ("error", "cancelled", "One two")


async def test_a_message_that_joined_a_turn_gives_the_turn_a_second_id(site: Site) -> None:
    await site.agent("slow", when_busy="steer")
    stream_id = await stalled(site, "a")
    asked = {"message": "and four", "stream_id": "joined"}
    async with site.http.post(f"{site.url}/agents/a/stream", json=asked) as response:
        assert response.headers["x-stream-id"] == "joined"
        assert (await anext(events(response))).name == "start"
    assert (await site.json("GET", "/streams/joined"))[1]["status"] == "running"
    assert await site.json("POST", "/streams/joined/cancel") == (200, {"cancelled": True})
    assert (await site.json("GET", "/streams/joined"))[1]["status"] == "cancelled"
    assert await site.events("joined", after=2) == await site.events(stream_id, after=2) != []


async def test_a_running_stream_is_steered_and_an_ended_one_is_not(site: Site) -> None:
    await site.agent("slow")
    stream_id = await stalled(site, "a")
    path = f"/streams/{stream_id}/steer"
    assert await site.json("POST", path, {"message": "and four"}) == (200, {"steered": True})
    await site.json("POST", f"/streams/{stream_id}/cancel")
    status, answer = await site.json("POST", path, {"message": "and five"})
    assert (status, answer["error"]["type"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("verb", "more", "result"),
    [
        ("approve", {"arguments": '{"euros":500}'}, "paid 500"),
        ("deny", {"reason": "too dear"}, "error: denied: too dear"),
    ],
)
async def test_a_call_waits_for_a_decision_that_names_its_stream(
    site: Site, verb: str, more: dict[str, str], result: str
) -> None:
    await site.agent("buyer", tools=[pays])
    async with site.http.post(f"{site.url}/agents/a/stream", json={"message": "buy"}) as response:
        stream_id = response.headers["x-stream-id"]
        async for event in events(response):
            if event.name == "approval_required":
                body = {"call_id": event.data["tool_call"]["id"], **more}
                assert (await site.json("POST", f"/streams/other/{verb}", body))[0] == 404
                if verb == "approve":
                    other = {**body, "arguments": "{}"}
                    assert (await site.json("POST", f"/streams/{stream_id}/approve", other))[0] == 409
                status, answer = await site.json("POST", f"/streams/{stream_id}/{verb}", body)
                assert (status, answer["call_id"]) == (200, body["call_id"])
                assert (await site.json("POST", f"/streams/{stream_id}/{verb}", body))[0] in (404, 409)
    assert event.name == "complete"
    assert event.data["answer"] == result


async def test_a_question_is_listed_answered_and_its_turn_goes_on(site: Site) -> None:
    await site.agent("host", tools=["ask_user"])
    async with site.http.post(f"{site.url}/agents/a/stream", json={"message": "begin"}) as response:
        async for event in events(response):
            if event.name == "approval_required":
                stream, call_id = response.headers["x-stream-id"], event.data["tool_call"]["id"]
                asked = {"text": "Which?", "choices": ["red", "blue"], "several": False, "default": "blue"}
                assert event.data["question"] == {**asked, "timeout_s": 86_400.0}
                (waiting,) = (await site.json("GET", "/approvals"))[1]["approvals"]
                assert (waiting["question"], waiting["stream_id"]) == (event.data["question"], stream)
                where = f"/streams/{stream}/answer"
                for invalid, status, line in (
                    ("green", 422, "answer: expected one of 'red', 'blue', got 'green'"),
                    ([], 422, "answer: expected one text, got a list of 0"),
                    (1, 422, "body.answer: expected another value (expected a text, or a list of texts)"),
                ):
                    refused = await site.json("POST", where, {"call_id": call_id, "answer": invalid})
                    assert (refused[0], refused[1]["error"]["message"]) == (status, line)
                status, refusal = await site.json("POST", f"/streams/{stream}/approve", {"call_id": call_id})
                assert (status, refusal["error"]["type"]) == (409, "conflict")
                body = {"call_id": call_id, "answer": "red", "question": "Which?"}
                status, refusal = await site.json("POST", where, {**body, "question": "Who?"})
                assert (status, refusal["error"]["type"]) == (409, "conflict")
                decided = {"call_id": call_id, "decision": "answered"}
                assert await site.json("POST", where, body) == (200, decided)
                assert (await site.json("POST", where, body))[0] in (404, 409)
    assert (event.name, event.data["answer"]) == ("complete", "red")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/agents/none"),
        ("DELETE", "/agents/none"),
        ("POST", "/agents/none/chat"),
        ("POST", "/agents/none/stream"),
        ("GET", "/streams/none"),
        ("GET", "/streams/none/events"),
        ("POST", "/streams/none/cancel"),
        ("GET", "/sessions/none"),
        ("GET", "/nothing"),
        ("POST", "/streams/none/interrupt"),
    ],
)
async def test_an_unknown_agent_stream_or_path_is_one_json_error(site: Site, method: str, path: str) -> None:
    status, answer = await site.json(method, path, {"message": "hello"})
    assert status == 404
    assert set(answer) == {"error"}
    assert answer["error"]["message"]


async def test_a_method_that_a_route_does_not_have_is_refused_in_the_same_shape(site: Site) -> None:
    status, answer = await site.json("PUT", "/agents")
    assert (status, answer["error"]["type"]) == (405, "method_not_allowed")


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'"text"', b"[" * 100_000, b'{"message": 1}', b"{}", b""])
async def test_an_unexpected_body_is_one_clear_error(site: Site, body: bytes) -> None:
    await site.agent("echo")
    headers = {"content-type": "application/json"}
    async with site.http.post(f"{site.url}/agents/a/chat", data=body, headers=headers) as response:
        assert response.status in (400, 422)
        assert (await response.json())["error"]["message"]


async def test_a_conversation_is_shown(site: Site) -> None:
    await site.agent("echo")
    await site.stream("a", "hello")
    status, session = await site.json("GET", "/sessions/a")
    assert status == 200
    assert [each["role"] for each in session["conversation"]] == ["user", "assistant"]
    (listed,) = (await site.json("GET", "/sessions"))[1]["sessions"]
    assert (listed["id"], listed["name"], listed["live"], listed["message_count"]) == ("a", "agent", True, 2)


async def test_the_tree_and_the_processes_are_data(site: Site) -> None:
    status, root = await site.json("GET", "/tree")
    assert status == 200
    assert "agent_supervisor" in str(root)
    status, found = await site.json("GET", "/processes?by=memory&count=3")
    assert (status, len(found["processes"])) == (200, 3)
    assert found["system"]["processes"] > 3
    assert (await site.json("GET", "/processes?by=colour"))[0] == 422


async def test_the_settings_are_shown_without_their_secrets(site: Site) -> None:
    status, config = await site.json("GET", "/config")
    assert (status, config["streaming"]["buffer_size"]) == (200, 4096)
    assert "rehearsal-key" not in str(config)


def test_secrets_in_the_query_of_an_address_are_hidden_and_the_rest_shown() -> None:
    shown = without_secrets({"base_url": "http://me:pw@h/v1?api-version=1&api-key=k1&sig=k2#top", "x": ["a?key=b"]})
    assert shown == {
        "base_url": "http://**********@h/v1?api-version=1&api-key=**********&sig=**********#top",
        "x": ["a?key=b"],
    }


async def test_the_documentation_loads_nothing_from_other_sites(site: Site) -> None:
    async with site.http.get(site.url + "/docs") as response:
        page = await response.text()
        assert response.status == 200
    assert "POST /agents/{agent_id}/stream" in page
    assert "`" not in page
    assert '<a href="#shape-StartAgent">' in page
    for link in re.findall(r'href="#([^"]+)"', page):
        assert f'id="{link}"' in page
    for file in re.findall(r'href="(static/[^"]+)"', page):
        async with site.http.get(f"{site.url}/{file}") as response:
            assert response.status == 200
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?!static/|#|openapi\.json)', page)
    status, schema = await site.json("GET", "/openapi.json")
    assert (status, schema["info"]["title"]) == (200, "understudy")


async def test_text_with_every_kind_of_character_returns_unchanged(site: Site) -> None:
    await site.agent("echo")
    text = "a\r\nb \u2028 \x1b[0m \x00 \U0001f600 data: x"
    _, answer = await site.json("POST", "/agents/a/chat", {"message": text})
    found = await site.stream("a", text)
    assert text_of(found) == answer["response"]["content"]
