"""Who asks a route, and whether it may: checked before each route of the app, so that none can be without."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from agents.gateway.errors import Refusal
from agents.gateway.guard.caller import Caller, caller_in
from agents.gateway.guard.scopes import permit


async def permitted(connection: HTTPConnection) -> None:
    """Raises Refusal. A body takes a while to come, and its token may be none by then."""
    scope = connection.scope
    caller = caller_in(scope)
    if caller.revoked and scope["type"] == "http":
        raise Refusal(401, "expected a token that is taken, got one that was revoked meanwhile")
    permit(caller, f"{scope.get('method', 'WS')} {scope['route'].path}")


async def _caller(connection: HTTPConnection) -> Caller:
    return caller_in(connection.scope)


Asking = Annotated[Caller, Depends(_caller)]
