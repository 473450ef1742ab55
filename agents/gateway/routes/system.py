"""The system behind the agents, to be looked at: processes, the tree, the settings without their secrets."""

import re
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from actors.observer import Measure, sliced_top, system_info
from actors.slices import in_slices
from agents.gateway.download import pieces
from agents.gateway.routes.reply import REFUSALS, Json
from agents.settings import Settings
from supervisors.tree import tree_json

PASSWORDS: Final = (re.compile(r"(?<=://)[^/@]*(?=@)"), re.compile(r"(?<=[?&]password=)[^&]*", re.IGNORECASE))
"""Of an address."""


def system(settings: Settings) -> APIRouter:
    routes = APIRouter(tags=["system"], responses=REFUSALS)

    @routes.get("/tree")
    async def supervision_tree() -> Response:
        """Every process under its supervisor."""
        return StreamingResponse(pieces(tree_json()), media_type=Json.media_type)

    @routes.get("/processes")
    async def processes(by: Measure = "reductions", count: Annotated[int, Query(ge=1, le=1000)] = 20) -> Response:
        """The system as numbers, and the processes that have the most of something."""
        return Json({"system": system_info(), "processes": await in_slices(sliced_top(by, count))})

    @routes.get("/config")
    async def config() -> Response:
        """The settings that hold. What is secret is shown as stars."""
        return Json(_without_secrets(settings.model_dump(mode="json")))

    return routes


def _without_secrets(value: Any) -> Any:
    """pydantic hides SecretStr; here go the passwords in addresses."""
    match value:
        case dict():
            return {key: _without_secrets(item) for key, item in value.items()}
        case list():
            return [_without_secrets(item) for item in value]
        case str():
            for password in PASSWORDS:
                value = password.sub("**********", value)
            return value
        case _:
            return value
