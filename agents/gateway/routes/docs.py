"""The API's documentation: OpenAPI as JSON, and as a page without scripts or content from other sites."""

from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from agents.gateway.document.page import page as as_page
from agents.gateway.document.responses import answers, json, text
from agents.gateway.guard.scopes import needs


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
            made.append(as_page(app.openapi()))
        return HTMLResponse(made[0])
