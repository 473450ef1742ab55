"""Routes of standing approvals: approvals that hold for later calls of a tool, too."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from actors.log import get_logger
from agents.contract.watch import ApprovalRevoked, StandingApprovals
from agents.gateway.actions import Id
from agents.gateway.document.responses import answers, json
from agents.gateway.errors import Refusal
from agents.gateway.guard.caller import Caller
from agents.gateway.guard.scopes import needs
from agents.gateway.routes.permission import CurrentCaller
from agents.gateway.routes.reply import Json
from agents.sessions import open_journal
from agents.settings import Scope

SHOWN: Final = 1000

log = get_logger("understudy.gateway")


def standing() -> APIRouter:
    routes = APIRouter(tags=["watch"])

    @routes.get("/approvals/always")
    @needs(Scope.READ)
    @answers(json(StandingApprovals), refuses=(422,))
    async def listed(
        caller: CurrentCaller,
        limit: Annotated[int, Query(ge=1, le=SHOWN)] = SHOWN,
        after: Annotated[str | None, Query(description="the last id of the page before")] = None,
    ) -> Response:
        """List the standing approvals of your agents' calls; with `approve_all` or `admin`, those of every user."""
        journal = await open_journal()
        found = [] if journal is None else await journal.store.grants(after, limit, _owner(caller))
        return Json(StandingApprovals(found))

    @routes.delete("/approvals/always/{approval_id}")
    @needs(Scope.APPROVE)
    @answers(json(ApprovalRevoked), refuses=(404, 422))
    async def revoke(approval_id: Annotated[Id, Path()], caller: CurrentCaller) -> Response:
        """Revoke a standing approval: later calls ask a person again."""
        journal = await open_journal()
        if journal is None or not await journal.store.revoke(approval_id, _owner(caller)):
            expected = f"expected the id of a standing approval, got {approval_id!r}"
            raise Refusal(404, expected[:200], "approval_not_found")
        log.info("standing_approval_revoked", grant=approval_id, caller=caller.name, user=caller.user)
        return Json(ApprovalRevoked(True))

    return routes


def _owner(caller: Caller) -> str | None:
    return None if caller.may(Scope.APPROVE_ALL) else caller.user
