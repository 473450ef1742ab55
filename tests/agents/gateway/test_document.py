"""The OpenAPI document is true and complete. The other tests in this folder check every answer against it."""

import re
from collections.abc import Iterator
from typing import Any, get_args

import aiohttp
import pytest

from agents.contract.messages import MessageEvents
from agents.contract.sessions import SessionInfo
from agents.contract.wire import DATA, FAILED, StreamEvents
from agents.gateway import Gateway, LiveSessions, serving
from agents.gateway.document.shapes import Shapes
from tests.agents.gateway.contract import NO_ROUTE, document, scopes_of_routes
from tests.agents.gateway.site import TOKEN, Site

SCRIPT = """
[models.broken]
turns = [{ steps = [{ text = "One two.", fault = { name = "error_event", after_tokens = 1 } }] }]
"""
BY_DEFAULT, FOR_EVENTSOURCE = "error_event=error", "error_event=failed"
MEDIA_TYPES = {
    "text/event-stream",
    "application/json",
    "application/x-ndjson",
    "text/plain",
    "text/html",
    "image/svg+xml",
    "*/*",
}


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def answers() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for asked, operation in operations():
        for status, answer in operation["responses"].items():
            yield asked, status, answer


def test_every_route_is_in_the_document_with_its_scope() -> None:
    routes = {asked: scope for asked, scope in scopes_of_routes().items() if not asked.startswith("WS ")}
    found = dict(operations())
    assert set(found) == {*routes, "GET /healthz"}
    assert found["POST /login"]["security"] == []
    for asked, scope in routes.items():
        if asked == "POST /login":
            continue
        assert found[asked]["security"][0] == {"bearer": [] if scope is None else [scope.value]}
        assert ("Any token" if scope is None else f"`{scope.value}`") in found[asked]["description"]
    assert found["GET /healthz"]["security"] == []
    schemes = document()["components"]["securitySchemes"]
    assert (schemes["bearer"]["type"], schemes["bearer"]["scheme"]) == ("http", "bearer")


def test_no_answer_has_an_empty_schema_and_each_kind_of_body_has_its_media_type() -> None:
    seen = set()
    for asked, status, answer in answers():
        assert ("content" in answer) == (status != "204"), (asked, status)
        for media_type, content in answer.get("content", {}).items():
            seen.add(media_type)
            assert content["schema"], (asked, status)
            assert ("x-itemSchema" in content) == (media_type in ("text/event-stream", "application/x-ndjson"))
    assert seen == MEDIA_TYPES


def test_every_refusal_has_one_shape_and_every_route_lists_the_common_ones() -> None:
    for asked, status, answer in answers():
        if int(status) >= 400 and status != "502":
            (content,) = answer["content"].values()
            assert content["schema"] == {"$ref": "#/components/schemas/ErrorAnswer"}, (asked, status)
    for asked, operation in operations():
        everywhere = NO_ROUTE - {"404", "405"} - ({"415"} if asked.startswith("GET") else set())
        if asked != "GET /healthz":
            assert everywhere <= set(operation["responses"]), asked


def test_an_answer_has_no_field_that_is_only_for_requests() -> None:
    assert "writeOnly" not in str(document())


def test_every_reference_has_its_shape() -> None:
    references = set(re.findall(r"#/components/schemas/([\w-]+)", str(document())))
    assert references <= set(document()["components"]["schemas"])


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, operation in operations()]
    assert len(set(names)) == len(names)


def test_the_shapes_of_events_are_those_of_the_wire() -> None:
    assert {each.__struct_config__.tag for each in get_args(StreamEvents)} == {*DATA, "cut"}
    own = {"session_start", "stream_chunk", "interrupted", "cut"}
    assert {each.__struct_config__.tag for each in get_args(MessageEvents)} == {*DATA, *own} - {"token", FAILED}


def test_two_shapes_of_one_name_are_refused() -> None:
    shapes = Shapes({"StartData": {"type": "string"}})
    with pytest.raises(ValueError, match="one shape with the name StartData, got two"):
        shapes.schema(StreamEvents)


class BrokenSessions(LiveSessions):
    async def session(self, session_id: str) -> SessionInfo | None:
        raise RuntimeError("sk-secret")


async def test_a_bug_of_the_gateway_is_answered_in_the_shape_of_every_error(site: Site) -> None:
    app = Gateway(site.settings, BrokenSessions(), TOKEN)
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with serving(app, site.settings) as served, aiohttp.ClientSession(headers=headers) as http:
        response = await http.get(f"http://127.0.0.1:{served.port}/sessions/a")
        assert (response.status, (await response.json())["error"]["type"]) == (500, "internal")
        assert "secret" not in await response.text()


# A failed turn's last event


@pytest.mark.parametrize(("query", "name"), [("", "error"), (BY_DEFAULT, "error"), (FOR_EVENTSOURCE, "failed")])
async def test_a_failed_turns_last_event_has_the_name_that_its_reader_chose(site: Site, query: str, name: str) -> None:
    await site.agent("broken")
    asked = {"message": "go", "stream_id": "s"}
    async with site.http.post(f"{site.url}/agents/a/stream?{query}", json=asked) as response:
        sent = (await response.read()).decode()
    async with site.http.get(f"{site.url}/streams/s/events?{query}") as response:
        read = (await response.read()).decode()
    for text in (sent, read):
        *_, last, nothing = text.split("\n\n")
        assert (last.split("\n")[1], nothing) == (f"event: {name}", "")
        assert [line for line in text.splitlines() if line in ("event: start", "event: token")]
    assert sent.split("\n\n")[-2] == read.split("\n\n")[-2]
