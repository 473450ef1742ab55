"""The system behind the agents, to be looked at: sessions, processes, the tree, the settings without their secrets."""

import re
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from actors.observer import Measure, system_info, top
from agents.gateway.actions import Id
from agents.gateway.errors import Refusal
from agents.gateway.own_sessions import seen_by
from agents.gateway.routes.asking import Asking
from agents.gateway.routes.reply import REFUSALS, Json
from agents.gateway.sessions import Sessions
from agents.settings import Settings
from supervisors.tree import tree

USERINFO: Final = re.compile(r"(?<=://)[^/@]*@")


def system(sessions: Sessions, settings: Settings) -> APIRouter:
    routes = APIRouter(tags=["system"], responses=REFUSALS)

    @routes.get("/sessions")
    async def all_sessions(
        caller: Asking, after: Id | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> Response:
        """The sessions in order of their ids, those behind `after`."""
        return Json({"sessions": await seen_by(caller, sessions).sessions(after, limit)})

    @routes.get("/sessions/{session_id}")
    async def session(session_id: Annotated[Id, Path()], caller: Asking) -> Response:
        """A session's conversation, without the turn that runs."""
        conversation = await seen_by(caller, sessions).conversation(session_id)
        if conversation is None:
            raise Refusal(404, f"expected the id of a session, got {session_id!r}", "session_not_found")
        return Json({"id": session_id, "conversation": conversation})

    @routes.get("/tree")
    async def supervision_tree() -> Response:
        """Every process under its supervisor."""
        return Json(tree())

    @routes.get("/processes")
    async def processes(by: Measure = "reductions", count: Annotated[int, Query(ge=1, le=1000)] = 20) -> Response:
        """The system as numbers, and the processes that have the most of something."""
        return Json({"system": system_info(), "processes": top(by, count)})

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
            return USERINFO.sub("**********@", value)
        case _:
            return value
