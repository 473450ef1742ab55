"""Routes of the ledger of effects: list it, and settle a call whose outcome is not known."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, Field, JsonValue
from starlette.responses import Response

from agents.contract.effects import EffectPage, EffectSettled, State
from agents.core.outcome import DidNotHappen, Happened
from agents.gateway.actions import Id
from agents.gateway.document.responses import answers, json
from agents.gateway.guard.scopes import needs
from agents.gateway.routes.permission import CurrentCaller
from agents.gateway.routes.reply import Json
from agents.gateway.routes.request_body import RequestBody
from agents.gateway.visible import Everything
from agents.gateway.visible_effects import VisibleEffects
from agents.settings import Scope

Since = Annotated[AwareDatetime | None, Query(description="only those that were intended from this time on")]


class Settle(RequestBody):
    """The outcome of a call. happened: whether it took effect. result: for the model, if it did. note: for people."""

    happened: bool
    result: JsonValue = None
    note: Annotated[str, Field(max_length=2000)] | None = None


def effects(everything: Everything) -> APIRouter:
    routes = APIRouter(tags=["effects"])

    def visible(caller: Any) -> VisibleEffects:
        return VisibleEffects(everything.visible_to(caller).sessions, caller)

    @routes.get("/effects")
    @needs(Scope.READ)
    @answers(json(EffectPage), refuses=(422,))
    async def list_(
        caller: CurrentCaller,
        state: Annotated[State | None, Query()] = None,
        session_id: Annotated[Id | None, Query()] = None,
        since: Since = None,
        after: Annotated[Id | None, Query(description="the key of the last effect of the previous page")] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        """List the calls of tools that are not idempotent, the newest first."""
        since_: datetime | None = since
        return Json(EffectPage(await visible(caller).page(state, session_id, since_, after, limit)))

    @routes.post("/effects/{key}/settle")
    @needs(Scope.APPROVE)
    @answers(json(EffectSettled), refuses=(404, 409, 422))
    async def settle(key: Annotated[Id, Path()], caller: CurrentCaller, body: Settle) -> Response:
        """Set the unknown outcome of a call. Its turn goes on if it waits. 409: the outcome is known."""
        outcome = Happened(body.result) if body.happened else DidNotHappen()
        return Json(await visible(caller).settle(key, outcome, body.note))

    return routes
