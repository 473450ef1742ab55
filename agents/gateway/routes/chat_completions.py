"""The route of chat completions: a configured agent answers OpenAI's clients as a model."""

import time
from uuid import uuid4

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from agents.agent_config.request import TurnRequest
from agents.contract.answers import ErrorAnswer
from agents.contract.chat_completions import ChatCompletion, ChatCompletionChunk
from agents.gateway.document.responses import answers, events, json, with_stream_id
from agents.gateway.event_stream import Delivery
from agents.gateway.guard.caller import Caller
from agents.gateway.guard.scopes import needs
from agents.gateway.openai_api.chat_answer import completion
from agents.gateway.openai_api.chat_body import CompletionBody, ToolChoice
from agents.gateway.openai_api.chat_chunks import ChatChunks
from agents.gateway.openai_api.messages import conversation_of
from agents.gateway.openai_api.one_turn import OneTurnStream, begin_alone
from agents.gateway.openai_api.options import both, given_options, is_forced
from agents.gateway.openai_api.tools import check_choice, described
from agents.gateway.openai_api.whole import whole
from agents.gateway.routes.permission import CurrentCaller
from agents.gateway.routes.reply import Json
from agents.gateway.visible import Everything
from agents.settings import Scope


def chat_completions(everything: Everything, delivery: Delivery) -> APIRouter:
    routes = APIRouter(prefix="/v1/chat", tags=["openai"])

    @routes.post("/completions")
    @needs(Scope.CHAT)
    @answers(
        with_stream_id(json(ChatCompletion)),
        events((ChatCompletionChunk, ErrorAnswer)),
        *(json(ErrorAnswer, status) for status in (502, 504)),
        refuses=(404, 409),
    )
    async def complete(request: Request, body: CompletionBody, caller: CurrentCaller) -> Response:
        """Answer a conversation with a turn of a configured agent, whole or as a stream of chunks.

        The agent's own tools run here. A call of one of the request's tools ends the turn: the client runs it and sends
        the conversation again, with the result. The turn is cancelled if the client disconnects.
        """
        asked = _asked(everything, caller, body)
        id_, created = f"chatcmpl-{uuid4().hex}", int(time.time())
        turn = await begin_alone(everything, caller, body.model, id_, asked)
        if body.stream:
            with_usage = bool(body.stream_options and body.stream_options.include_usage)
            chunks = ChatChunks(id_, created, body.model, asked.tool_names, with_usage=with_usage)
            return OneTurnStream(turn, delivery, chunks, chunks.cut)
        end = await whole(request, turn, delivery.heartbeat_s)
        answer = completion(id_, created, body.model, end.response, asked.tool_names, end.reasoning)
        return Json(answer, headers={"x-stream-id": id_})

    return routes


def _asked(everything: Everything, caller: Caller, body: CompletionBody) -> TurnRequest:
    """Return the request of the turn. Raises Refusal."""
    functions = [] if body.tool_choice == "none" else [tool.function for tool in body.tools or ()]
    name = body.tool_choice.function.name if isinstance(body.tool_choice, ToolChoice) else None
    check_choice(name, functions, forced=is_forced(body.tool_choice))
    options = given_options(body)
    everything.quotas.check_options(caller, options)
    return TurnRequest(conversation_of(body.messages), described(functions), options=both(options))
