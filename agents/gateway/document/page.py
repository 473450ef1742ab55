"""The OpenAPI document as a page for people: routes by their tags, and the shapes of their bodies. It has no script."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any, Final, TypeAlias

Schema: TypeAlias = dict[str, Any]

PAGE: Final = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<link rel="stylesheet" href="static/base.css"><link rel="stylesheet" href="static/docs.css"></head>
<body>
<main>
<h1>{title}</h1>
{description}
<p>For programs: <a href="openapi.json">openapi.json</a>. The WebSocket is at <code>/ws</code>.</p>
{sections}
</main>
</body>
</html>
"""
PARAMETERS: Final = ("parameter", "in", "type", "required", "meaning")
FIELDS: Final = ("field", "type", "required", "meaning")


def page(document: Schema) -> str:
    """Return the page."""
    by_tag: defaultdict[str, list[str]] = defaultdict(list)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag[operation["tags"][0]].append("\n".join(_route(method, path, operation)))
    shapes = ["\n".join(_shape(*each)) for each in sorted(document["components"]["schemas"].items())]
    sections = [*by_tag.items(), ("shapes", shapes)]
    index = ", ".join(f'<a href="#{tag}">{tag}</a>' for tag, _ in sections)
    info = document["info"]
    return PAGE.format(
        title=escape(info["title"]),
        description=_prose(info["description"]),
        sections="\n".join((f"<p>{index}</p>", *(_section(tag, parts) for tag, parts in sections))),
    )


def _section(tag: str, parts: Iterable[str]) -> str:
    return f'<h2 id="{escape(tag)}">{escape(tag)}</h2>\n' + "\n".join(parts)


def _route(method: str, path: str, operation: Schema) -> Iterator[str]:
    yield f"<h3><code>{method.upper()} {escape(path)}</code></h3>"
    yield _prose(operation.get("description", ""))
    body = operation.get("requestBody", {}).get("content", {})
    if kinds := [f"<code>{escape(kind)}</code> {_type(each.get('schema', {}))}" for kind, each in body.items()]:
        yield f"<p>Body: {', '.join(kinds)}</p>"
    if parameters := operation.get("parameters"):
        rows = [
            (_code(each["name"]), each["in"], _type(each.get("schema", {})), *_meaning(each, each.get("required")))
            for each in parameters
        ]
        yield _table(PARAMETERS, rows)
    answers = operation["responses"]
    yield _table(("status", "answer"), [(status, _answer(each)) for status, each in answers.items() if status < "400"])
    yield f"<p>Refusals: {', '.join(status for status in answers if status >= '400')}</p>"


def _shape(name: str, schema: Schema) -> Iterator[str]:
    yield f'<h3 id="shape-{escape(name)}">{escape(name)}</h3>'
    yield _prose(schema.get("description", ""))
    if properties := schema.get("properties"):
        needed = schema.get("required", ())
        rows = [(_code(field), _type(each), *_meaning(each, field in needed)) for field, each in properties.items()]
        yield _table(FIELDS, rows)
    elif "enum" in schema:
        yield f"<p>{_type(schema)}</p>"


def _meaning(described: Schema, required: object) -> tuple[str, str]:
    return "yes" if required else "", _inline(described.get("description", ""))


def _answer(response: Schema) -> str:
    found = [f"{_code(kind)} {_type(each.get('schema', {}))}" for kind, each in response.get("content", {}).items()]
    return ", ".join(found) or _inline(response["description"])


def _type(schema: Schema) -> str:
    """Return a type in words: a link to a shape, or JSON's own name."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#shape-{name}">{name}</a>'
    if "enum" in schema or "const" in schema:
        return " or ".join(_code(str(each)) for each in schema.get("enum", [schema.get("const")]))
    if either := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(map(_type, either))
    if schema.get("type") == "array":
        return f"array of {_type(schema.get('items', {}))}"
    return escape(str(schema.get("type", "any JSON")))


def _prose(text: str) -> str:
    """Return the paragraphs of a description."""
    return "\n".join(f"<p>{_inline(each)}</p>" for each in re.split(r"\n\s*\n", text.strip()) if each)


def _inline(text: str) -> str:
    """Return text whose words in backticks are code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(" ".join(text.split())))


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table. The cells of its rows are HTML."""
    lines = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    titles = "".join(f"<th>{title}</th>" for title in head)
    return f"<table><tr>{titles}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
