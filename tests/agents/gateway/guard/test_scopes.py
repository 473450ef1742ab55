"""The rights of each scope: every route and action, requested with a token that has only one scope."""

from collections.abc import Mapping
from typing import Any, get_args

import pytest

from agents.gateway.actions import Action
from agents.settings import Scope
from tests.agents.gateway.contract import Program, scopes_of_routes
from tests.agents.gateway.site import Site
from tests.agents.gateway.users import House, house, token

ALLOWED: Mapping[str, set[str]] = {
    "read": {
        "GET /agents",
        "GET /agents/{agent_id}",
        "GET /sessions/{session_id}/parts/{sha256}",
        "GET /sessions/{session_id}/results/{handle}",
        "GET /sessions",
        "GET /sessions/{session_id}",
        "GET /sessions/{session_id}/export",
        "GET /streams/{stream_id}",
        "GET /streams/{stream_id}/events",
        "GET /streams/{stream_id}/timeline",
        "GET /streams/{stream_id}/timeline.svg",
        "GET /streams/{stream_id}/ag-ui",
        "GET /streams/{stream_id}/ui-messages",
        "GET /ui-messages/{model}/{chat_id}/stream",
        "GET /v1/models",
        "GET /v1/models/{model}",
        "GET /v1/responses/{response_id}",
        "GET /overview",
        "GET /restarts",
        "GET /schedules",
        "GET /schedules/{name}",
        "GET /schedules/{name}/runs",
        "GET /spend",
        "GET /approvals",
        "GET /approvals/always",
        "GET /effects",
        "WS subscribe",
    },
    "chat": {
        "DELETE /agents/{agent_id}",
        "DELETE /sessions/{session_id}",
        "PATCH /sessions/{session_id}",
        "POST /agents",
        "POST /agents/{agent_id}/chat",
        "POST /agents/{agent_id}/conversations",
        "POST /agents/{agent_id}/reset",
        "POST /schedules",
        "DELETE /schedules/{name}",
        "POST /schedules/{name}/pause",
        "POST /schedules/{name}/resume",
        "POST /schedules/{name}/run",
        "POST /agents/{agent_id}/stream",
        "GET /agents/{agent_id}/stream",
        "POST /ag-ui/{model}",
        "POST /ui-messages/{model}",
        "POST /v1/chat/completions",
        "POST /v1/responses",
        "POST /stream",
        "POST /api/agent/chat/stream",
        "POST /message/stream/{mid}/create",
        "POST /message/stream/{mid}/interrupt",
        "POST /sessions/{session_id}/fork",
        "POST /streams/{stream_id}/answer",
        "POST /streams/{stream_id}/cancel",
        "POST /streams/{stream_id}/steer",
        "WS answer",
        "WS cancel",
        "WS steer",
        "WS stream_chat",
    },
    "approve": {
        "POST /streams/{stream_id}/approve",
        "POST /streams/{stream_id}/deny",
        "DELETE /approvals/always/{approval_id}",
        "POST /effects/{key}/settle",
        "WS approve",
        "WS deny",
    },
    "approve_all": set(),
    "metrics": {"GET /metrics"},
    "admin": {
        "GET /config",
        "GET /processes",
        "GET /tree",
        "POST /agents/{agent_id}/resume",
        "POST /agents/{agent_id}/suspend",
        "POST /reload",
        "POST /stop",
        "GET /cluster",
        "GET /cluster/owners",
        "POST /cluster/rebalance",
        "DELETE /cluster/nodes/{name}",
        "POST /drain",
        "POST /undrain",
    },
    "any": {
        "GET /docs",
        "GET /me",
        "GET /openapi.json",
        "GET /readyz",
        "POST /login",
        "POST /login/codes",
        "POST /logout",
        "POST /tickets",
        "WS ping",
    },
}
"""A second table, from the manual, so that the scope of a new route is a decision."""

ACTIONS: Mapping[str, dict[str, Any]] = {
    "ping": {},
    "stream_chat": {"agent_id": "none", "message": "x"},
    "subscribe": {"stream_id": "none"},
    "cancel": {"stream_id": "none"},
    "approve": {"stream_id": "none", "call_id": "c"},
    "deny": {"stream_id": "none", "call_id": "c"},
    "answer": {"stream_id": "none", "call_id": "c", "answer": "x"},
    "steer": {"stream_id": "none", "message": "x"},
}


def name_of(action: Any) -> str:
    (name,) = get_args(action.model_fields["action"].annotation)
    return str(name)


def test_every_route_and_action_declares_the_scope_that_the_manual_gives() -> None:
    found = {**scopes_of_routes(), **{f"WS {name_of(each)}": each.needs for each in get_args(Action)}}
    assert len(found) > 30
    by_scope = {"any": None, **{scope.value: scope for scope in Scope}}
    assert found == {asked: by_scope[scope] for scope, allowed in ALLOWED.items() for asked in allowed}
    assert set(ACTIONS) == {name_of(each) for each in get_args(Action)}


async def test_a_route_without_a_declared_scope_is_always_refused() -> None:
    async with house([]) as of:

        @of.app.app.get("/new", tags=["new"])
        async def new() -> None: ...

        async with of.site.http.get(f"{of.site.url}/new") as response:
            assert response.status == 500


def routes() -> set[str]:
    return {each for each in scopes_of_routes() if not each.startswith("WS ")}


async def refusals(site: Site, asked: set[str]) -> dict[str, str]:
    """Return the forbidden routes and actions, each with its refusal."""
    found = {}
    for each in sorted(asked):
        method, _, path = each.partition(" ")
        path = path.replace("{", "").replace("}", "")  # ids that do not exist
        async with site.http.request(method, site.url + path, json={"message": "x"}) as response:
            if response.status == 403:
                found[each] = (await response.json())["error"]["message"]
    return found


async def refused_actions(site: Site) -> dict[str, str]:
    found = {}
    async with site.socket() as socket:
        for action, fields in ACTIONS.items():
            await socket.send_json({"action": action, **fields})
            answer = await socket.receive_json(timeout=30)
            if answer.get("code") == "forbidden":
                found[f"WS {action}"] = answer["error"]
    return found


async def forbidden(of: House, scope: Scope) -> dict[str, str]:
    async with of.client(token(scope, "ann", scope)) as client:
        return {**await refusals(client, routes()), **await refused_actions(client)}


@pytest.mark.parametrize("scope", list(Scope))
async def test_a_scope_allows_its_own_routes_and_admin_allows_all(scope: Scope) -> None:
    program = Program()
    async with house([token(scope, "ann", scope)], host=program) as of:
        found = await forbidden(of, scope)
    others: set[str] = (
        set() if scope is Scope.ADMIN else set[str]().union(*ALLOWED.values()) - ALLOWED[scope] - ALLOWED["any"]
    )
    if scope is Scope.APPROVE_ALL:
        others -= ALLOWED["approve"]
    assert set(found) == others
    assert program.stopped == (scope is Scope.ADMIN)
    for needed in Scope:
        for asked in ALLOWED[needed] & others:
            assert found[asked] == f"expected a token with the scope {needed}, got one without it"


async def test_the_installs_token_has_every_scope() -> None:
    async with house([], host=Program()) as of:
        assert {**await refusals(of.site, routes()), **await refused_actions(of.site)} == {}


async def test_a_forbidden_request_is_refused_before_its_body_is_validated() -> None:
    only_reads = token("ann", "ann", Scope.READ)
    async with house([only_reads]) as of, of.client(only_reads) as ann:
        bodies: list[Any] = [{"colour": "red"}, {}, []]
        for body in bodies:
            assert (await ann.json("POST", "/agents", body))[0] == 403
