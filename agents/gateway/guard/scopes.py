"""The scope that each route and each action of the WebSocket needs, in one table.

A route that the table does not list is always refused: `permit` raises KeyError. A test compares the table with all
routes.
"""

from collections.abc import Mapping
from typing import Final

from actors.log import get_logger
from agents.gateway.errors import Refusal
from agents.gateway.guard.caller import Caller
from agents.settings import Scope

log = get_logger("understudy.gateway")

NEEDS: Final[Mapping[str, Scope | None]] = {
    "GET /docs": None,
    "GET /openapi.json": None,
    "GET /readyz": None,
    "GET /agents": Scope.READ,
    "POST /agents": Scope.CHAT,
    "GET /agents/{agent_id}": Scope.READ,
    "DELETE /agents/{agent_id}": Scope.CHAT,
    "POST /agents/{agent_id}/chat": Scope.CHAT,
    "POST /agents/{agent_id}/stream": Scope.CHAT,
    "GET /streams/{stream_id}": Scope.READ,
    "GET /streams/{stream_id}/events": Scope.READ,
    "POST /streams/{stream_id}/cancel": Scope.CHAT,
    "POST /streams/{stream_id}/approve": Scope.APPROVE,
    "POST /streams/{stream_id}/deny": Scope.APPROVE,
    "POST /streams/{stream_id}/steer": Scope.CHAT,
    "GET /sessions": Scope.READ,
    "GET /sessions/{session_id}": Scope.READ,
    "PATCH /sessions/{session_id}": Scope.CHAT,
    "DELETE /sessions/{session_id}": Scope.CHAT,
    "GET /sessions/{session_id}/export": Scope.READ,
    "POST /sessions/{session_id}/fork": Scope.CHAT,
    "POST /api/agent/chat/stream": Scope.CHAT,
    "POST /message/stream/{mid}/create": Scope.CHAT,
    "POST /message/stream/{mid}/interrupt": Scope.CHAT,
    "GET /tree": Scope.ADMIN,
    "GET /processes": Scope.ADMIN,
    "GET /config": Scope.ADMIN,
    "GET /metrics": Scope.ADMIN,
    "POST /reload": Scope.ADMIN,
    "POST /stop": Scope.ADMIN,
    "WS /ws": None,  # each action has its own scope:
    "WS ping": None,
    "WS stream_chat": Scope.CHAT,
    "WS subscribe": Scope.READ,
    "WS cancel": Scope.CHAT,
    "WS approve": Scope.APPROVE,
    "WS deny": Scope.APPROVE,
    "WS steer": Scope.CHAT,
}
"""The needed scope by method and path of a route. None: any token is enough."""


def permit(caller: Caller, asked: str) -> None:
    """Raise Refusal if the caller's token lacks the scope for a route or action.

    Raises KeyError if the table does not list the route.
    """
    needed = NEEDS[asked]
    if needed is not None and not caller.may(needed):
        log.info("request_forbidden", caller=caller.name, user=caller.user, asked=asked, missing=needed.value)
        raise Refusal(403, f"expected a token with the scope {needed}, got one without it")
