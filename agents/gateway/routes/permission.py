"""The scope check before each route. It is a dependency of the whole app, so no route can lack it."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from agents.gateway.errors import Refusal
from agents.gateway.guard.caller import Caller, caller_in
from agents.gateway.guard.request_log import note_route
from agents.gateway.guard.scopes import needed_by, permit


async def permitted(connection: HTTPConnection) -> None:
    """Raise Refusal if the caller's token lacks the route's scope, or was revoked while the body arrived."""
    scope = connection.scope
    caller = caller_in(scope)
    if caller.revoked and scope["type"] == "http":
        raise Refusal(401, "this token was revoked: use another token")
    route = scope["route"]
    note_route(scope, route.path)
    permit(caller, needed_by(route.endpoint), f"{scope.get('method', 'WS')} {route.path}")


async def _caller(connection: HTTPConnection) -> Caller:
    return caller_in(connection.scope)


CurrentCaller = Annotated[Caller, Depends(_caller)]
