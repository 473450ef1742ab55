"""Refusals are plain texts, without regular expressions or a library's internal types."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter

from agents.gateway.actions import Action
from agents.gateway.words import BUILTIN_TOOL
from agents.settings.values import SPELLINGS
from tests.agents.gateway.contract import document
from tests.agents.gateway.site import Site

INNER = ("pattern", "^", "value error", "dictionary", "object to extract", "model_type", "pydantic", "discriminator")
TEXTS = ["", "x", "a/b", "os:system", "\u00e9", "x" * 200, "\x00"]
WRONG: list[Any] = [*TEXTS, None, 1, 1.5, True, -1, [], [1], {}, {"x": 1}]


def patterns_in(schema: Any) -> Iterator[str]:
    match schema:
        case {"pattern": str(pattern)}:
            yield pattern
    match schema:
        case dict():
            for each in schema.values():
                yield from patterns_in(each)
        case list():
            for each in schema:
                yield from patterns_in(each)


def test_every_pattern_that_a_request_must_match_has_words() -> None:
    requests = [operation for methods in document()["paths"].values() for operation in methods.values()]
    asked = [{key: each.get(key) for key in ("parameters", "requestBody")} for each in requests]
    models = {name: each for name, each in document()["components"]["schemas"].items() if not name.endswith("Output")}
    found = set(patterns_in([asked, models, TypeAdapter(Action).json_schema()]))
    assert len(found) >= 3
    assert found <= {BUILTIN_TOOL, *SPELLINGS}


def bodies() -> Iterator[tuple[str, str, Any]]:
    """Return every field of every request with every wrong value."""
    schemas = document()["components"]["schemas"]
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            for each in content.values():
                for field in schemas[each["schema"]["$ref"].rpartition("/")[2]]["properties"]:
                    for value in WRONG:
                        yield method.upper(), path.replace("{", "").replace("}", ""), {field: value}
                for value in WRONG:
                    yield method.upper(), path.replace("{", "").replace("}", ""), value


async def test_no_refusal_of_a_body_shows_a_librarys_internals(site: Site) -> None:
    count = 0
    for method, path, body in bodies():
        async with site.http.request(method, site.url + path, json=body) as response:
            if response.status != 422:  # some of these begin a stream
                continue
            count += 1
            answer = await response.json()
            lines = [answer["error"]["message"], *answer["error"].get("faults", ())]
            assert not [line for line in lines for word in INNER if word in line.lower()], (body, lines)
    assert count > 200


ADDRESSES = [
    *("/agents/a%20b", "/agents?after=a%20b", "/streams/%C3%A9", "/sessions/a%0Ab"),
    *("/agents?limit=x", "/agents?limit=0", "/processes?by=x", "/streams/s/events?error_event=x"),
]


@pytest.mark.parametrize("path", ADDRESSES)
async def test_no_refusal_of_an_address_shows_a_librarys_internals(site: Site, path: str) -> None:
    status, answer = await site.json("GET", path)
    assert status == 422
    assert not [word for word in INNER if word in answer["error"]["message"].lower()]


async def test_code_is_refused_as_code(site: Site) -> None:
    for tool in ("os:system", "tools.py:search", "Calculator", "a-b"):
        status, answer = await site.json("POST", "/agents", {"model": "echo", "tools": ["calculator", tool]})
        expected = "body.tools[1]: expected the name of a built-in tool, as calculator: code is not accepted over HTTP"
        assert (status, answer["error"]["message"]) == (422, expected)


async def test_no_refusal_of_an_action_shows_a_librarys_internals(site: Site) -> None:
    actions: list[Any] = [*WRONG, {"action": "fly"}, {"action": 1}, {"action": "ping", "ref": 1.5}]
    for action in ("stream_chat", "subscribe", "cancel", "approve", "deny", "answer", "steer"):
        for field in ("agent_id", "stream_id", "message", "after", "call_id", "arguments", "reason", "answer", "ref"):
            actions += [{"action": action, field: value} for value in WRONG]
    async with site.socket() as socket:
        for each in actions:
            await socket.send_str(json.dumps(each))
            answer = await socket.receive_json(timeout=30)
            if answer["type"] == "refused":
                assert not [word for word in INNER if word in answer["error"].lower()], (each, answer)
