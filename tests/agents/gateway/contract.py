"""Check every answer that a test gets against the OpenAPI document: status, media type and body.

The document lets a body have more than it says, for clients of a later version; here nothing may have more.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import aiohttp
import msgspec
from fastapi.routing import iter_route_contexts
from jsonschema import Draft202012Validator

from agents.gateway import Gate, Gateway, LiveSessions
from agents.gateway.document.responses import ANY, EVENTS, JSON, JSON_LINES
from agents.gateway.errors import Refusal
from agents.gateway.guard.scopes import needed_by
from agents.gateway.routes.host import Figures, Reloaded
from agents.settings import Scope, Settings
from tests.agents.gateway.site import Sse, parsed

MOUNTED = "/inner"
"""The path at which tests mount a gateway in another app."""
NO_ROUTE = {"400", "401", "403", "404", "405", "408", "413", "415", "421", "429", "431", "503"}
NO_BODY = {"HEAD"}


class Program:
    """The program that serves the gateway. stopped: the number of its stop requests."""

    def __init__(self) -> None:
        self.gate, self.stopped = Gate(), 0

    async def check_ready(self) -> None:
        self.gate.check()

    async def figures(self) -> Figures:
        return Figures(b"", "text/plain")

    async def reload(self) -> Reloaded:
        return Reloaded()

    def stop(self) -> None:
        self.stopped += 1

    async def drain(self, time_ms: int | None) -> None:
        raise Refusal(409, "it has its store for itself")

    async def undrain(self) -> None:
        raise Refusal(409, "it has its store for itself")

    async def release(self, count: int) -> int:
        return 0


@cache
def document() -> dict[str, Any]:
    found: dict[str, Any] = Gateway(Settings(), LiveSessions(), "t" * 43, Program()).app.openapi()
    return found


def scopes_of_routes() -> dict[str, Scope | None]:
    """Return the scope that each route declares. Raises KeyError for a route that declares none."""
    app = Gateway(Settings(), LiveSessions(), "t" * 43, Program()).app
    return {
        f"{method} {route.path}": needed_by(route.endpoint)
        for route in iter_route_contexts(app.routes)
        for method in route.methods or ("WS",)
    }


class Checked(aiohttp.ClientResponse):
    """An answer that is checked when the test reads it. A stream is checked event by event."""

    async def read(self) -> bytes:
        body = await super().read()
        check(self, body)
        return body


def check(response: aiohttp.ClientResponse, body: bytes) -> None:
    """Raise AssertionError for an answer that the document does not describe."""
    answer = _answer(response)
    if answer is None:
        check_value({"$ref": "#/components/schemas/ErrorAnswer"}, body) if body else None
        return
    if "content" not in answer:
        assert not body
        return
    media_type = ANY if ANY in answer["content"] else response.content_type
    content = answer["content"][media_type]
    assert _headers(answer) <= set(map(str.lower, response.headers))
    match media_type:
        case _ if media_type == JSON:
            check_value(content["schema"], body)
        case _ if media_type == JSON_LINES:
            for line in body.splitlines():
                check_value(content["x-itemSchema"], line)
        case _ if media_type == EVENTS:
            for event in (each for block in body.split(b"\n\n")[:-1] for each in parsed(block)):
                check_event(content["x-itemSchema"], event)


def check_event(schema: dict[str, Any], event: Sse) -> None:
    if event.name == "message":
        check_data(schema, event.data)
    else:
        id_ = {} if event.id is None else {"id": event.id}
        check_data(schema, {"event": event.name, "data": event.data, **id_})


def check_value(schema: dict[str, Any], body: bytes) -> None:
    check_data(schema, msgspec.json.decode(body))


def check_data(schema: dict[str, Any], data: Any) -> None:
    faults = [
        f"{fault.json_path}: {fault.message[:300]}"
        for fault in _validator(msgspec.json.encode(schema)).iter_errors(data)
    ]
    assert not faults, faults


def route_of(method: str, path: str) -> str | None:
    """Return the path of the document that matches a request's path."""
    for template, operations in document()["paths"].items():
        if method.lower() in operations and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template) + "/?", path):
            found: str = template
            return found
    return None


def _answer(response: aiohttp.ClientResponse) -> dict[str, Any] | None:
    path = response.url.path.removeprefix(MOUNTED)
    route, status = route_of(response.method, path), str(response.status)
    if route is None:
        assert status in NO_ROUTE, f"{response.method} {path} answered {status}, and is not in the document"
        return None
    answers: dict[str, Any] = document()["paths"][route][response.method.lower()]["responses"]
    assert status in answers, f"{response.method} {route} answered {status}, the document has {list(answers)}"
    answer: dict[str, Any] = answers[status]
    return answer


def _headers(answer: dict[str, Any]) -> set[str]:
    return {name.lower() for name in answer.get("headers", ()) if name != "Retry-After"}


@cache
def _validator(schema: bytes) -> Draft202012Validator:
    return Draft202012Validator({**msgspec.json.decode(schema), "components": {"schemas": dict(_closed())}})


def _closed() -> Iterator[tuple[str, Any]]:
    for name, schema in document()["components"]["schemas"].items():
        yield name, {"additionalProperties": False, **schema} if "properties" in schema else schema
