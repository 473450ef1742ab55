"""Routes that show the system: processes, the supervision tree, and the settings without secrets."""

import re
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from msgspec import Struct
from starlette.responses import Response, StreamingResponse

from actors.observer import Measure, ProcessInfo, SystemInfo, sliced_top, system_info
from actors.slices import in_slices
from agents.core.text import to_json
from agents.gateway.document.responses import answers, json
from agents.gateway.download import pieces
from agents.gateway.guard.scopes import needs
from agents.gateway.routes.reply import Json
from agents.node.redaction import SECRET_PARAMETER
from agents.settings import Scope, Settings
from supervisors.tree import Node, tree_json

USER: Final = re.compile(r"(?<=://)[^/@]*(?=@)")
PARAMETER: Final = re.compile(r"(?<=[?&])([^=&#]+)=([^&#]+)")
HIDDEN: Final = "**********"


class SystemReport(Struct, frozen=True):
    """The figures of the system, and some of its processes."""

    system: SystemInfo
    processes: list[ProcessInfo]


def system(settings: Settings) -> APIRouter:
    routes = APIRouter(tags=["system"])

    @routes.get("/tree")
    @needs(Scope.ADMIN)
    @answers(json(Node))
    async def supervision_tree() -> Response:
        """Show every process under its supervisor."""
        return StreamingResponse(pieces(tree_json(to_json)), media_type=Json.media_type)

    @routes.get("/processes")
    @needs(Scope.ADMIN)
    @answers(json(SystemReport), refuses=(422,))
    async def processes(by: Measure = "reductions", count: Annotated[int, Query(ge=1, le=1000)] = 20) -> Response:
        """Show the figures of the system, and the processes with the highest value of a measure."""
        return Json(SystemReport(system_info(), await in_slices(sliced_top(by, count))))

    @routes.get("/config")
    @needs(Scope.ADMIN)
    @answers(json(Settings))
    async def config() -> Response:
        """Show the current settings. Secrets are shown as stars."""
        return Json(without_secrets(settings.model_dump(mode="json")))

    return routes


def without_secrets(value: Any) -> Any:
    """Return the value without passwords in addresses. pydantic hides SecretStr itself."""
    match value:
        case dict():
            return {key: without_secrets(item) for key, item in value.items()}
        case list():
            return [without_secrets(item) for item in value]
        case str():
            return PARAMETER.sub(_without_secret, USER.sub(HIDDEN, value)) if "://" in value else value
        case _:
            return value


def _without_secret(parameter: re.Match[str]) -> str:
    name = parameter[1]
    return f"{name}={HIDDEN}" if SECRET_PARAMETER.fullmatch(name) else parameter[0]
