"""The API's documentation: OpenAPI as JSON, and as a page without scripts or content from other sites."""

from html import escape
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from agents.gateway.document.responses import answers, json, text
from agents.gateway.guard.scopes import needs

PAGE = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title></head>
<body>
<h1>{title}</h1>
<p>{description}</p>
<p>For programs: <a href="openapi.json">openapi.json</a>. The WebSocket is at <code>/ws</code>.</p>
{operations}
</body>
</html>
"""

OPERATION = """\
<h3><code>{method} {path}</code></h3>
<p>{description}</p>
{body}"""


def docs(app: FastAPI) -> None:
    """Add /openapi.json and /docs. The page is made once, at its first request."""
    made: list[str] = []

    @app.get("/openapi.json", tags=["docs"])
    @needs(None)
    @answers(json(dict[str, Any]))
    async def schema(request: Request) -> Response:
        """Return this document as JSON."""
        where = request.scope.get("root_path", "")  # the path under which the app is mounted
        return JSONResponse({**app.openapi(), **({"servers": [{"url": where}]} if where else {})})

    @app.get("/docs", tags=["docs"])
    @needs(None)
    @answers(text("text/html", "A page without a script."))
    async def page(_request: Request) -> Response:
        """Return this document as a page."""
        if not made:
            made.append(_page(app.openapi()))
        return HTMLResponse(made[0])


def _page(schema: dict[str, Any]) -> str:
    operations = [
        _operation(method, path, operation, schema)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    info = schema["info"]
    return PAGE.format(
        title=escape(info["title"]), description=escape(info["description"]), operations="\n".join(operations)
    )


def _operation(method: str, path: str, operation: dict[str, Any], schema: dict[str, Any]) -> str:
    fields = [*operation.get("parameters", ()), *_body_fields(operation, schema)]
    rows = "".join(
        f"<li><code>{escape(each['name'])}</code>{' (needed)' if each.get('required') else ''}"
        f" {escape(each.get('description', ''))}</li>"
        for each in fields
    )
    description = escape(operation.get("description", ""))
    body = f"<ul>{rows}</ul>" if rows else ""
    return OPERATION.format(method=method.upper(), path=escape(path), description=description, body=body)


def _body_fields(operation: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    model = schema.get("components", {}).get("schemas", {}).get(name, {})
    needed = model.get("required", ())
    return [{"name": each, "required": each in needed} for each in model.get("properties", {})]
