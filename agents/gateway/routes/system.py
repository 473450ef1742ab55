"""Routes that show the system: processes, the supervision tree, and the settings without secrets."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from actors.observer import Measure
from agents.core.text import to_json
from agents.gateway.document.responses import answers, json
from agents.gateway.download import pieces
from agents.gateway.guard.scopes import needs
from agents.gateway.reports import NodeName, SystemReport, of_node, processes_report, shown_settings
from agents.gateway.routes.reply import Json
from agents.settings import Scope, Settings
from supervisors.tree import Node, tree_json


def system(settings: Settings) -> APIRouter:
    routes = APIRouter(tags=["system"])

    @routes.get("/tree")
    @needs(Scope.ADMIN)
    @answers(json(Node))
    async def supervision_tree(node: NodeName = None) -> Response:
        """Show every process under its supervisor."""
        if node is not None:
            return await of_node(node, "tree")
        return StreamingResponse(pieces(tree_json(to_json)), media_type=Json.media_type)

    @routes.get("/processes")
    @needs(Scope.ADMIN)
    @answers(json(SystemReport), refuses=(422,))
    async def processes(
        by: Measure = "reductions", count: Annotated[int, Query(ge=1, le=1000)] = 20, node: NodeName = None
    ) -> Response:
        """Show the figures of the system, and the processes with the highest value of a measure."""
        if node is not None:
            return await of_node(node, "processes", by=by, count=count)
        return Json(await processes_report(by, count))

    @routes.get("/config")
    @needs(Scope.ADMIN)
    @answers(json(Settings))
    async def config(node: NodeName = None) -> Response:
        """Show the current settings. Secrets are shown as stars."""
        return Json(shown_settings(settings)) if node is None else await of_node(node, "config")

    return routes
