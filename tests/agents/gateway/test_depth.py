"""Data of clients and models that nests too deep is one clear error at any depth."""

from typing import Any

import pytest

from agents.core.depth import MAX_DEPTH
from tests.agents.gateway.site import Site

SCRIPT = """
[models.says]
turns = [{ steps = [{ text = "{user}" }] }]

[models.calls]
[[models.calls.turns]]
steps = [{ tool_calls = [{ name = "calculator", arguments = "{user}" }] }, { text = "{result:0}" }]
"""
DEPTHS = [MAX_DEPTH + 1, 200, 300, 964, 973, 990, 1000, 100_000]
WORDS = f"nested at most {MAX_DEPTH} deep"


def nested(depth: int) -> str:
    """Return a JSON object of this depth."""
    return '{"a":' + "[" * (depth - 1) + "]" * (depth - 1) + "}"


async def posted(site: Site, path: str, body: str) -> tuple[int, Any]:
    headers = {"content-type": "application/json"}
    async with site.http.post(site.url + path, data=body, headers=headers) as response:
        return response.status, await response.json()


@pytest.mark.parametrize("key", ["model_options", "answer_type", "limits"])
async def test_a_body_that_nests_too_deep_is_refused_in_one_line(site: Site, key: str) -> None:
    for depth in DEPTHS:
        status, answer = await posted(site, "/agents", f'{{"model": "echo", "{key}": {nested(depth - 1)}}}')
        assert (status, set(answer)) == (422, {"error"}), depth
        assert WORDS in answer["error"]["message"], depth


async def test_a_message_on_the_socket_that_nests_too_deep_is_refused(site: Site) -> None:
    for depth in DEPTHS:
        async with site.socket() as socket:
            await socket.send_str(f'{{"action": "ping", "ref": {nested(depth - 1)}}}')
            answer = await socket.receive_json(timeout=30)
            assert answer["type"] == "refused", depth
            assert WORDS in answer["error"], depth
            await socket.send_str('{"action": "ping"}')
            assert (await socket.receive_json(timeout=30))["type"] == "pong", depth


@pytest.mark.parametrize("depth", [*DEPTHS[:-1], 60_000])  # a deeper answer has too many characters
async def test_an_answer_that_nests_too_deep_is_an_invalid_answer(site: Site, depth: int) -> None:
    body = {"id": "a", "model": "says", "answer_type": {"type": "object"}, "answer_retries": 0}
    assert (await site.json("POST", "/agents", body))[0] == 201
    status, answer = await site.json("POST", "/agents/a/chat", {"message": nested(depth)})
    assert (status, answer["error"]["reason"]["type"]) == (502, "invalid_answer")
    assert WORDS in answer["error"]["message"]


@pytest.mark.parametrize("depth", DEPTHS)
async def test_arguments_that_nest_too_deep_are_the_models_error(site: Site, depth: int) -> None:
    await site.agent("calls", tools=["calculator"])
    status, answer = await site.json("POST", "/agents/a/chat", {"message": nested(depth)})
    assert status == 200, answer
    assert answer["response"]["answer"].startswith("error: arguments: expected JSON ")
    assert WORDS in answer["response"]["answer"]


async def test_data_within_the_limit_is_accepted(site: Site) -> None:
    body = {"id": "a", "model": "says", "answer_type": {"type": "object"}, "answer_retries": 0}
    assert (await site.json("POST", "/agents", body))[0] == 201
    status, answer = await site.json("POST", "/agents/a/chat", {"message": nested(MAX_DEPTH)})
    assert status == 200, answer
