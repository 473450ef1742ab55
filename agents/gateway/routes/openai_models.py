"""Routes of models, as OpenAI's clients list them."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from agents.contract.chat_completions import ListedModel, ModelPage
from agents.gateway.document.responses import answers, json
from agents.gateway.guard.scopes import needs
from agents.gateway.routes.permission import CurrentCaller
from agents.gateway.routes.reply import Json
from agents.gateway.visible import Everything
from agents.settings import Scope


def openai_models(everything: Everything) -> APIRouter:
    routes = APIRouter(prefix="/v1/models", tags=["openai"])

    @routes.get("")
    @needs(Scope.READ)
    @answers(json(ModelPage))
    async def models(caller: CurrentCaller) -> Response:
        """List the configured agents that the caller can use as models."""
        return Json(ModelPage(everything.models.visible_to(caller)))

    @routes.get("/{model}")
    @needs(Scope.READ)
    @answers(json(ListedModel), refuses=(404,))
    async def model(model: Annotated[str, Path()], caller: CurrentCaller) -> Response:
        """Show a configured agent as a model."""
        return Json(everything.models.listed(model, caller))

    return routes
