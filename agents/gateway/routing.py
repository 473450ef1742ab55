"""Paths with a slash at the end, and the answer to a method that a path does not have."""

from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from agents.gateway.errors import Refusal
from agents.gateway.openai_api.refusals import as_asked


class TrailingSlash:
    """Middleware that removes one slash at the end of a path. No id has a slash, so the path stays unambiguous.

    A redirect would need the gateway's public address, which the gateway does not know behind a proxy.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and (path := _path(scope)).endswith("/") and path != "/":
            scope = {**scope, "path": scope["path"][:-1]}
        await self._app(scope, receive, send)


async def method_not_allowed(request: Request, _error: Exception) -> Response:
    """Answer with 405 and all methods of the path, as an exception handler of FastAPI. Source: RFC 9110, 15.5.6.

    FastAPI's own answer names the methods of one route only.
    """
    app: FastAPI = request.app
    methods = ", ".join(sorted(set(_methods(app, _path(request.scope)))))
    refusal = as_asked(Refusal(405, f"expected a method that this path has: {methods}; got another one"), request.scope)
    return Response(refusal.body, refusal.status, {"allow": methods}, media_type="application/json")


def _methods(app: FastAPI, path: str) -> Iterator[str]:
    for route in iter_route_contexts(app.routes):
        if route.methods and compile_path(str(route.path))[0].match(path):
            yield from route.methods


def _path(scope: Scope) -> str:
    """Return the path within this app, without the prefix of a mount."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))
