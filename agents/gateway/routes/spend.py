"""The route of what model calls have spent."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from agents.contract.spending import SpendBy, SpendReport
from agents.gateway.document.responses import answers, json
from agents.gateway.guard.scopes import needs
from agents.gateway.routes.permission import CurrentCaller
from agents.gateway.routes.reply import Json
from agents.gateway.visible import Everything
from agents.settings import Scope

Since = Annotated[datetime | None, Query(description="only charges from this time on; UTC, unless it has an offset")]


def spend(everything: Everything) -> APIRouter:
    routes = APIRouter(tags=["spend"])

    @routes.get("/spend")
    @needs(Scope.READ)
    @answers(json(SpendReport), refuses=(409, 422))
    async def spent(caller: CurrentCaller, by: SpendBy = "day", since: Since = None) -> Response:
        """Sum what model calls have spent: those of all agents for the scope admin, else of the caller's."""
        if since is not None and since.tzinfo is None:
            since = since.replace(tzinfo=UTC)
        return Json(await everything.visible_to(caller).sessions.spending(by, since))

    return routes
