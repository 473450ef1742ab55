"""The route of responses: a configured agent answers OpenAI's clients, with a session if the client wants one."""

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from agents.agent_config.request import TurnRequest
from agents.contract.answers import ErrorAnswer
from agents.contract.openai_responses import ResponseEvent, ResponseObject
from agents.core.conversation import Conversation
from agents.gateway.actions import Id
from agents.gateway.document.responses import answers, events, json, with_stream_id
from agents.gateway.errors import Refusal
from agents.gateway.event_stream import Delivery
from agents.gateway.guard.caller import Caller
from agents.gateway.guard.scopes import needs
from agents.gateway.openai_api.kept_turn import PREVIOUS, KeptRequest, begin_session, continue_session
from agents.gateway.openai_api.one_turn import OneTurn, OneTurnStream, begin_alone
from agents.gateway.openai_api.options import FORCED, both
from agents.gateway.openai_api.responses_answer import begun, ended, output_of
from agents.gateway.openai_api.responses_body import ChosenTool, ResponsesBody, ResponsesTool
from agents.gateway.openai_api.responses_events import ResponseEvents
from agents.gateway.openai_api.responses_input import calls_in, chat_options, conversation_in
from agents.gateway.openai_api.stored_response import stored_response
from agents.gateway.openai_api.tools import check_choice, described
from agents.gateway.openai_api.whole import whole
from agents.gateway.routes.permission import CurrentCaller
from agents.gateway.routes.reply import Json
from agents.gateway.visible import Everything
from agents.settings import Scope


def openai_responses(everything: Everything, delivery: Delivery) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["openai"])

    @routes.post("/responses")
    @needs(Scope.CHAT)
    @answers(
        with_stream_id(json(ResponseObject)),
        events(ResponseEvent),
        *(json(ErrorAnswer, status) for status in (502, 504)),
        refuses=(404, 409),
    )
    async def respond(request: Request, body: ResponsesBody, caller: CurrentCaller) -> Response:
        """Answer an input with a turn of a configured agent, whole or as a stream of events.

        With `store` the response has a session, and `previous_response_id` continues it. The agent's own tools run
        here. A call of one of the request's tools ends the turn, and the next input has its result. The turn is
        cancelled if the client disconnects.
        """
        id_, store = f"resp_{uuid4().hex}", body.store is not False and everything.sessions.keeps
        functions = described(_functions(body))
        turn = await _begin(everything, caller, body, functions, id_, store=store)
        names = [str(tool["name"]) for tool in functions]
        response = begun(id_, int(time.time()), body, store=store)
        if body.stream:
            encoder = ResponseEvents(response, names)
            return OneTurnStream(turn, delivery, encoder, encoder.cut)
        end = (await whole(request, turn, delivery.heartbeat_s)).response
        return Json(ended(response, end, output_of(id_, end, names)), headers={"x-stream-id": id_})

    @routes.get("/responses/{response_id}")
    @needs(Scope.READ)
    @answers(json(ResponseObject), refuses=(404,))
    async def retrieve(response_id: Annotated[Id, Path()], caller: CurrentCaller, stream: bool = False) -> Response:
        """Show a stored response. `in_progress`: its turn runs, and GET /streams/{stream_id} follows it.

        It has the output, the usage and the error, not the fields of its request.
        """
        if stream:
            raise Refusal(422, "stream: expected false: GET /streams/{stream_id} follows a response", param="stream")
        return Json(await stored_response(everything, caller, response_id))

    return routes


async def _begin(
    everything: Everything,
    caller: Caller,
    body: ResponsesBody,
    tools: tuple[Mapping[str, Any], ...],
    id_: str,
    *,
    store: bool,
) -> OneTurn:
    """Begin the turn, in a session or without one. Raises Refusal."""
    options = chat_options(body)
    everything.quotas.check_options(caller, options)

    def asked(before: Conversation) -> TurnRequest:
        messages = conversation_in(body.input, calls_in(before))
        return TurnRequest(messages, tools, body.instructions or "", both(options))

    previous = body.previous_response_id
    if previous is not None and not store:
        why = "the request sets store to false" if everything.sessions.keeps else "no store keeps sessions here"
        raise Refusal(422, f"{PREVIOUS}: expected none, since {why}", param=PREVIOUS)
    if not store:
        return await begin_alone(everything, caller, body.model, id_, asked(()))
    request = KeptRequest(everything, caller, body.model, id_, asked)
    return await (begin_session(request) if previous is None else continue_session(request, previous))


def _functions(body: ResponsesBody) -> Sequence[ResponsesTool]:
    """Return the client's tools that the model may call. Raises Refusal for a tool_choice without its tool."""
    functions = [] if body.tool_choice == "none" else body.tools or []
    chosen = body.tool_choice.name if isinstance(body.tool_choice, ChosenTool) else None
    check_choice(chosen, functions, forced=chosen is not None or body.tool_choice == FORCED)
    return functions
