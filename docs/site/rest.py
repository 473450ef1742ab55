"""The reference of REST: the routes and the shapes of the gateway's OpenAPI document."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

from fastapi.routing import iter_route_contexts

from agents.gateway import Gate, Gateway, LiveSessions
from agents.gateway.guard.scopes import needed_by
from agents.gateway.routes.host import Host
from agents.settings import Settings
from docs.site.markdown import code, table

OPENING = """\
# REST

Each daemon gives this document as `/openapi.json`. [The gateway](../gateway.md#rest) describes the routes with
examples, their tokens and the limits of clients. [Shapes](rest-shapes.md) lists the bodies.
"""

SHAPES = """\
# Shapes of REST

The bodies of requests and answers, as the OpenAPI document names them. [REST](rest.md) lists the routes that use them.
Later versions may add fields, so a client ignores the fields that it does not know.
"""

Schema = dict[str, Any]


@cache
def gateway() -> Gateway:
    """Return a gateway with all routes, as a daemon has it. It is described, and never serves a request."""
    return Gateway(Settings(), LiveSessions(), "t" * 43, cast("Host", SimpleNamespace(gate=Gate())))


def document() -> Schema:
    found: Schema = gateway().app.openapi()
    return found


def page() -> str:
    """Return the page of routes, by their tags."""
    scopes = {
        (method, route.path): needed_by(route.endpoint)
        for route in iter_route_contexts(gateway().app.routes)
        for method in route.methods or ()
    }
    by_tag: defaultdict[str, list[str]] = defaultdict(list)
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            scope = scopes.get((method.upper(), path))  # the guard answers /healthz itself
            tag = by_tag[operation["tags"][0]]
            tag.append(
                "\n\n".join(route(f"{method.upper()} {path}", operation, None if scope is None else scope.value))
            )
    sections = [part for tag, routes in by_tag.items() for part in (f"## {tag}", *routes)]
    return "\n\n".join((OPENING, *sections)) + "\n"


def route(name: str, operation: Schema, scope: str | None) -> Iterator[str]:
    """Yield the parts of a route's section."""
    yield f"### {code(name)}"
    yield operation["description"]
    if scope is not None:
        yield f"Scope: {code(scope)}."
    body = operation.get("requestBody", {}).get("content", {})
    if shapes := [shown(each["schema"]) for each in body.values()]:
        yield f"Body: {', '.join(shapes)}"
    if parameters := operation.get("parameters"):
        rows = [
            (code(each["name"]), each["in"], shown(each["schema"]), each.get("description", "")) for each in parameters
        ]
        yield table(("parameter", "in", "type", "meaning"), rows)
    answers = operation["responses"].items()
    yield table(("status", "answer"), [(status, answer(each)) for status, each in answers if status < "400"])
    yield f"Refusals: {', '.join(status for status, _ in answers if status >= '400')}."


def answer(response: Schema) -> str:
    """Return the media types and shapes of an answer."""
    found = [f"{code(kind)} {shown(each.get('schema', {}))}" for kind, each in response.get("content", {}).items()]
    return ", ".join(found) or response["description"]


def shapes() -> str:
    """Return the page of shapes."""
    return (
        "\n\n".join((SHAPES, *map(shape, *zip(*sorted(document()["components"]["schemas"].items()), strict=True))))
        + "\n"
    )


def shape(name: str, schema: Schema) -> str:
    """Return the section of a shape."""
    parts = [f"## {name}", schema.get("description", "")]
    if "properties" in schema:
        needed = schema.get("required", ())
        rows = [
            (code(each), shown(given), "yes" if each in needed else "", given.get("description", ""))
            for each, given in schema["properties"].items()
        ]
        parts.append(table(("field", "type", "required", "meaning"), rows))
    elif "enum" in schema:
        parts.append(f"One of {', '.join(code(each) for each in schema['enum'])}.")
    return "\n\n".join(part for part in parts if part)


def shown(schema: Schema) -> str:
    """Return a type: a link to a shape, or JSON's own words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](rest-shapes.md#{name.lower()})"
    if "enum" in schema or "const" in schema:
        return " or ".join(code(each) for each in schema.get("enum", [schema.get("const")]))
    if any_of := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(map(shown, any_of))
    if schema.get("type") == "array":
        return f"array of {shown(schema.get('items', {}))}"
    return str(schema.get("type", "any JSON"))
