"""The OpenAPI document: the routes' own descriptions, and the refusals and tokens that the guard adds to each route."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from agents.contract.answers import ErrorAnswer, Health
from agents.gateway.document.responses import JSON, Answer, answers_of, json
from agents.gateway.document.shapes import Shapes
from agents.gateway.errors import TYPES
from agents.gateway.guard.body import SAFE
from agents.gateway.guard.credentials import LOGIN, PAGES
from agents.gateway.guard.scopes import needed_by
from agents.settings import Scope

BEARER: Final = "bearer"
PASSWORD: Final = "password"  # noqa: S105 (a name)
COOKIE: Final = "page"
SCHEMES: Final = {
    BEARER: {"type": "http", "scheme": "bearer", "description": "The token of the token file, or a user's token."},
    PASSWORD: {"type": "http", "scheme": "basic", "description": "For pages: a token as the password of any user."},
    COOKIE: {
        "type": "apiKey",
        "in": "cookie",
        "name": "understudy-PORT",
        "description": "A session of the gateway's own page. Its writes need the header X-CSRF-Token, too.",
    },
}
PLACED: Final = (400, 403, 421, 431, 503)
"""The statuses with which the guard and the server refuse a request before they check its token."""
GUARDED: Final = (*PLACED, 401, 408, 413, 429)
RETRY_AFTER: Final = (
    "Retry-After",
    "integer",
    "The seconds until another attempt may succeed, where that is known.",
)
HEADERS: Final = {
    401: ("WWW-Authenticate", "string", "How to authenticate."),
    429: RETRY_AFTER,
    503: RETRY_AFTER,
}
FASTAPIS_OWN: Final = ("HTTPValidationError", "ValidationError")
"""FastAPI's shapes of refusals. No route of the gateway uses them."""


class Described(FastAPI):
    """A FastAPI app with a complete OpenAPI document."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            document = super().openapi()
            components = document["components"]
            for name in FASTAPIS_OWN:
                del components["schemas"][name]
            shapes = Shapes(components["schemas"])
            for path, method, endpoint in _routes(self):
                operation = document["paths"][path][method.lower()]
                stated = answers_of(endpoint)
                guard = GUARDED if method in SAFE else (*GUARDED, 415)
                operation["responses"] = _responses(stated.answers, {*stated.refuses, *guard}, shapes)
                operation |= _admission(path, needed_by(endpoint), operation.get("description", ""))
            document["paths"] = {"/healthz": {"get": _health(shapes)}, **document["paths"]}
            components["securitySchemes"] = SCHEMES
            self.openapi_schema = document
        return self.openapi_schema


def _routes(app: FastAPI) -> Iterator[tuple[str, str, Any]]:
    for route in iter_route_contexts(app.routes):
        for method in route.methods or ():  # the WebSocket has no methods
            yield str(route.path), method, route.endpoint


def _responses(answers: Iterable[Answer], refusals: Iterable[int], shapes: Shapes) -> dict[str, Any]:
    """Return the responses by status, in ascending order."""
    every = sorted((*answers, *map(_refusal, refusals)), key=lambda answer: answer.status)
    found: dict[str, Any] = {}
    for answer in every:
        response = _response(answer, shapes)
        if (other := found.setdefault(str(answer.status), response)) is not response:  # another media type
            other["content"] |= response["content"]
    return found


def _refusal(status: int) -> Answer:
    headers = (HEADERS[status],) if status in HEADERS else ()
    return Answer(status, f"Refused: `{TYPES[status]}`.", JSON, ErrorAnswer, headers=headers)


def _response(answer: Answer, shapes: Shapes) -> dict[str, Any]:
    """Return an answer as an OpenAPI response.

    OpenAPI 3.1 can't describe the items of a stream. Version 3.2 has `itemSchema`, which readers of 3.1 may refuse.
    """
    response: dict[str, Any] = {"description": answer.description}
    if answer.headers:
        response["headers"] = {
            name: {"description": what, "schema": {"type": type_}} for name, type_, what in answer.headers
        }
    if answer.media_type is not None:
        items = {} if answer.item is None else {"x-itemSchema": _item(answer.item, shapes)}
        response["content"] = {answer.media_type: {"schema": shapes.schema(answer.shape), **items}}
    return response


def _item(item: Any, shapes: Shapes) -> dict[str, Any]:
    """Return the schema of an event. item: a type, or a tuple of types."""
    return {"anyOf": [shapes.schema(each) for each in item]} if isinstance(item, tuple) else shapes.schema(item)


def _admission(path: str, scope: Scope | None, description: str) -> dict[str, Any]:
    """Return the description and the security requirement of a route."""
    if path == LOGIN:
        return {"security": [], "description": f"{description}\n\nThe request needs no token, except in its body."}
    security: list[dict[str, list[str]]] = [{BEARER: [] if scope is None else [scope.value]}, {COOKIE: []}]
    if path in PAGES:
        security.append({PASSWORD: []})
    needs = "Any token will do." if scope is None else f"Needs the scope `{scope.value}`, or `admin`."
    return {"security": security, "description": f"{description}\n\n{needs}".strip()}


def _health(shapes: Shapes) -> dict[str, Any]:
    """Return the operation of /healthz. The guard answers /healthz, so no route describes it."""
    return {
        "tags": ["host"],
        "summary": "Health",
        "operationId": "health",
        "description": "Check that the gateway answers. The request needs no token.",
        "security": [],
        "responses": _responses([json(Health)], PLACED, shapes),
    }
