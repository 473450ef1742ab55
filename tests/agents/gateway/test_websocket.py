"""The WebSocket: the documented actions and answers, many streams on one socket, and errors that keep it open."""

from typing import Any

import aiohttp
import pytest

from agents.settings import GatewaySettings
from tests.agents.gateway.site import BUYER_AND_SLOW, HOST, Site
from tests.agents.sample_tools import pays

SCRIPT = BUYER_AND_SLOW + HOST
GATEWAY = GatewaySettings(port=0, max_message_bytes=2000)


async def until(socket: Any, kind: str) -> list[Any]:
    """Return the messages up to the first one of this type."""
    found = [await socket.receive_json(timeout=30)]
    while found[-1]["type"] != kind:
        found.append(await socket.receive_json(timeout=30))
    return found


async def alive(socket: Any) -> bool:
    await socket.send_json({"action": "ping", "ref": "still"})
    return bool(await socket.receive_json(timeout=30) == {"type": "pong", "ref": "still"})


async def test_the_documented_action_gets_the_documented_answers(site: Site) -> None:
    await site.agent("echo")
    async with site.socket() as socket:
        await socket.send_json({"action": "stream_chat", "agent_id": "a", "message": "one two"})
        answer, start, *tokens, end = await until(socket, "complete")
    stream_id = answer["data"]["stream_id"]
    assert (answer["type"], answer["action"]) == ("answer", "stream_chat")
    assert (start["type"], start["data"]["agent_id"]) == ("start", "a")
    assert [token["type"] for token in tokens] == ["token"] * len(tokens)
    assert "".join(token["data"] for token in tokens) == end["data"]["content"] == "one two"
    assert [each["seq"] for each in (start, *tokens, end)] == [1, 2, 3, 4]
    assert {each["stream_id"] for each in (start, *tokens, end)} == {stream_id}


async def test_many_streams_run_on_one_socket(site: Site) -> None:
    for number in range(5):
        await site.agent("echo", f"a{number}")
    async with site.socket() as socket:
        for number in range(5):
            body = {"agent_id": f"a{number}", "message": f"word {number}", "stream_id": f"s{number}"}
            await socket.send_json({"action": "stream_chat", **body})
        found: list[Any] = []
        while sum(each["type"] == "complete" for each in found) < 5:
            found.append(await socket.receive_json(timeout=30))
    for number in range(5):
        own = [each for each in found if each.get("stream_id") == f"s{number}"]
        assert [each["seq"] for each in own] == [1, 2, 3, 4]
        assert own[-1]["data"]["content"] == f"word {number}"


async def test_a_stream_is_read_from_the_place_where_another_socket_stopped(site: Site) -> None:
    await site.agent("slow")
    async with site.socket() as socket:
        await socket.send_json({"action": "stream_chat", "agent_id": "a", "message": "go", "stream_id": "s"})
        *_, token = await until(socket, "token")
    async with site.socket() as socket:
        await socket.send_json({"action": "subscribe", "stream_id": "s", "after": token["seq"]})
        answer, following = [await socket.receive_json(timeout=30) for _ in range(2)]
        assert answer == {"type": "answer", "action": "subscribe", "data": {"stream_id": "s", "over": False}}
        assert (following["seq"], following["data"]) == (3, " two")
        await socket.send_json({"action": "cancel", "stream_id": "s", "ref": 7})
        messages = [await socket.receive_json(timeout=30) for _ in range(2)]
        end = next(each for each in messages if each["type"] == "error")
        answer = next(each for each in messages if each["type"] == "answer")
        assert (end["data"]["error"]["type"], end["data"]["content"], end["seq"]) == ("cancelled", "One two", 4)
        assert answer == {"type": "answer", "action": "cancel", "data": {"cancelled": True}, "ref": 7}
        await socket.send_json({"action": "subscribe", "stream_id": "s", "after": 4})
        assert (await socket.receive_json(timeout=30))["data"] == {"stream_id": "s", "over": True}


@pytest.mark.parametrize(
    ("decision", "answer_start"),
    [({"action": "approve", "arguments": '{"euros":500}'}, "paid 500"), ({"action": "deny"}, "error: denied")],
)
async def test_a_call_is_decided(site: Site, decision: dict[str, str], answer_start: str) -> None:
    await site.agent("buyer", tools=[pays])
    async with site.socket() as socket:
        await socket.send_json({"action": "stream_chat", "agent_id": "a", "message": "buy"})
        *_, asked = await until(socket, "approval_required")
        of_call = {"stream_id": asked["stream_id"], "call_id": asked["data"]["tool_call"]["id"]}
        await socket.send_json({**decision, **of_call})
        *_, end = await until(socket, "complete")
    assert end["data"]["answer"].startswith(answer_start)


async def test_a_question_is_answered(site: Site) -> None:
    await site.agent("host", tools=["ask_user"])
    async with site.socket() as socket:
        await socket.send_json({"action": "stream_chat", "agent_id": "a", "message": "begin"})
        *_, asked = await until(socket, "approval_required")
        of_call = {"stream_id": asked["stream_id"], "call_id": asked["data"]["tool_call"]["id"]}
        await socket.send_json({"action": "answer", **of_call, "answer": "green"})
        assert (await until(socket, "refused"))[-1]["error"].startswith("answer: expected one of")
        await socket.send_json({"action": "answer", **of_call, "answer": "red", "question": "Who?"})
        assert (await until(socket, "refused"))[-1]["code"] == "conflict"
        await socket.send_json({"action": "answer", **of_call, "answer": "red", "question": "Which?"})
        *_, end = await until(socket, "complete")
    assert end["data"]["answer"] == "red"


async def test_a_stream_is_steered(site: Site) -> None:
    await site.agent("slow")
    async with site.socket() as socket:
        await socket.send_json({"action": "stream_chat", "agent_id": "a", "message": "go", "stream_id": "s"})
        await until(socket, "token")
        await socket.send_json({"action": "steer", "stream_id": "s", "message": "four"})
        assert (await until(socket, "answer"))[-1]["data"] == {"steered": True}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('{"action": "dance"}', "dance"),
        ("{}", "action"),
        ("[]", "object"),
        ("null", "object"),
        ("{", "json"),
        ("", "json"),
        ("[" * 1000, "json"),
        ('{"action": "stream_chat", "agent_id": "a"}', "stream_chat.message: expected a value, got none"),
        ('{"action": "stream_chat", "agent_id": "a", "message": ""}', "stream_chat.message"),
        ('{"action": "stream_chat", "agent_id": "none", "message": "x"}', "'none'"),
        ('{"action": "stream_chat", "agent_id": "../x", "message": "x"}', "agent_id"),
        ('{"action": "subscribe", "stream_id": "none"}', "'none'"),
        ('{"action": "subscribe", "stream_id": "none", "after": -1}', "after"),
        ('{"action": "subscribe", "stream_id": "none", "after": "1"}', "after"),
        ('{"action": "cancel", "stream_id": "none"}', "'none'"),
        ('{"action": "approve", "stream_id": "none", "call_id": "c"}', "'none'"),
        ('{"action": "ping", "scope": "admin"}', "scope"),
    ],
)
async def test_a_failed_action_is_one_clear_error_and_the_socket_stays_open(site: Site, text: str, word: str) -> None:
    async with site.socket() as socket:
        await socket.send_str(text)
        answer = await socket.receive_json(timeout=30)
        assert answer["type"] == "refused"
        assert answer["code"]
        assert word in answer["error"].lower() + answer["error"]
        assert await alive(socket)


async def test_a_place_after_the_end_of_a_stream_is_refused(site: Site) -> None:
    await site.agent("echo")
    await site.stream("a", "one", stream_id="s")
    async with site.socket() as socket:
        await socket.send_json({"action": "subscribe", "stream_id": "s", "after": 99, "ref": 1})
        answer = await socket.receive_json(timeout=30)
        assert (answer["type"], answer["code"], answer["ref"]) == ("refused", "invalid", 1)


async def test_bytes_are_read_like_text(site: Site) -> None:
    async with site.socket() as socket:
        await socket.send_bytes(b'{"action": "ping"}')
        assert await socket.receive_json(timeout=30) == {"type": "pong"}


@pytest.mark.parametrize(("size", "lives"), [(1999, True), (2000, True), (2001, False)])
async def test_a_message_that_is_too_large_closes_the_socket_with_its_code(site: Site, size: int, lives: bool) -> None:
    async with site.socket() as socket:
        await socket.send_str('{"action": "ping"}'.ljust(size))
        if lives:
            assert await socket.receive_json(timeout=30) == {"type": "pong"}
        else:
            assert (await socket.receive(timeout=30)).type is aiohttp.WSMsgType.CLOSE
            assert socket.close_code == 1009


async def test_an_agent_that_dies_ends_its_streams_and_not_the_socket(site: Site) -> None:
    await site.agent("slow")
    async with site.socket() as socket:
        await socket.send_json({"action": "stream_chat", "agent_id": "a", "message": "go"})
        await until(socket, "token")
        await site.json("DELETE", "/agents/a")
        *_, end = await until(socket, "error")
        assert end["data"]["error"]["type"] == "interrupted"
        assert await alive(socket)
