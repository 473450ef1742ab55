"""The scope that a route needs, declared at the route. An action of the WebSocket declares its scope in its class.

@routes.get("/agents")
@needs(Scope.READ)
async def list_(...): ...

A route without a declared scope is always refused: `needed_by` raises KeyError.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from actors.log import get_logger
from agents.gateway.errors import Refusal
from agents.gateway.guard.caller import Caller
from agents.settings import Scope

log = get_logger("understudy.gateway")

F = TypeVar("F", bound=Callable[..., Any])

_KEY: Final = "understudy_scope"


def needs(scope: Scope | None) -> Callable[[F], F]:
    """Declare the scope of an endpoint. None: any token is enough."""

    def declare(endpoint: F) -> F:
        vars(endpoint)[_KEY] = scope
        return endpoint

    return declare


def needed_by(endpoint: object) -> Scope | None:
    """Return the scope of an endpoint. Raises KeyError if the endpoint declares none."""
    needed: Scope | None = vars(endpoint)[_KEY]
    return needed


def permit(caller: Caller, needed: Scope | None, asked: str) -> None:
    """Raise Refusal if the caller's token lacks the scope. asked: the route or action, for the log."""
    if needed is not None and not caller.may(needed):
        log.info("request_forbidden", caller=caller.name, user=caller.user, asked=asked, missing=needed.value)
        raise Refusal(403, f"expected a token with the scope {needed}, got one without it")
