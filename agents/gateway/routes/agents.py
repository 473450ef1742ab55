"""Routes of agents: start, list, show and stop them, and send them messages."""

from collections.abc import Mapping
from contextlib import aclosing, closing
from typing import Annotated, Any, Final, get_type_hints

from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator, Field, create_model
from starlette.requests import Request
from starlette.responses import Response

from agents import agent
from agents.agent_config.bounded import bounded_schema
from agents.contract.answers import (
    AgentPage,
    AgentStopped,
    BegunConversation,
    ChatAnswer,
    ListedAgent,
    TurnFailed,
    TurnFault,
)
from agents.contract.wire import StreamEvents
from agents.core.events import StreamComplete, StreamError
from agents.gateway.actions import Id, Text
from agents.gateway.ceilings import HOST_ONLY
from agents.gateway.document.responses import MESSAGE_REFUSALS, answers, events, json
from agents.gateway.errors import Refusal
from agents.gateway.event_stream import MOVED, Delivery, ErrorEvent, EventStream, frames_of
from agents.gateway.guard.scopes import needs
from agents.gateway.parts import Items, given
from agents.gateway.presence import when_gone
from agents.gateway.reader import AnyReader, ReaderClosed, ReaderMoved
from agents.gateway.routes.permission import CurrentCaller
from agents.gateway.routes.reply import Json
from agents.gateway.routes.request_body import RequestBody
from agents.gateway.visible import Everything
from agents.gateway.words import BUILTIN_TOOL
from agents.instance.info import AgentInfo
from agents.settings import Scope
from agents.settings.agent import AgentSettings
from agents.settings.values import CONVERSATION_CHARS

AgentId = Annotated[Id, Path()]


def _bounded(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema. Raises ValueError if a check against the schema could block the event loop."""
    bounded_schema(schema)
    return schema


NARROWER: Final[Mapping[str, Any]] = {
    "tools": list[Annotated[str, Field(pattern=BUILTIN_TOOL)]],
    "answer_type": Annotated[dict[str, Any], AfterValidator(_bounded)],
}
"""The keys for which a client may give less than a program: no code."""


def _keys_of_clients() -> dict[str, Any]:
    """Return the keys of an agent that a client can set, for create_model. Each may be left out, or null."""
    types = {**get_type_hints(AgentSettings, include_extras=True), **NARROWER}
    return {name: (types[name] | None, None) for name in AgentSettings.model_fields if (name,) not in HOST_ONLY}


class StartAgent(create_model("ClientKeys", __base__=RequestBody, **_keys_of_clients())):  # type: ignore[misc]
    """The keys that a client can set for a new agent.

    Only the host sets the provider, its key, and the code of tools. A client that could set them would reach the host's
    keys and files.
    """


class Converse(RequestBody):
    """A conversation. name: chosen by the client; without it, the agent's own conversation, or one without a name."""

    name: Annotated[str, Field(max_length=CONVERSATION_CHARS)] = ""


class Ask(RequestBody):
    """A message to an agent.

    parts: after the text of message. stream_id: chosen by the client. A client that lost the answer sends the message
    again with the same id. The agent then sends the first answer.
    """

    message: Text
    parts: Items = None
    stream_id: Id | None = None


async def _whole(reader: AnyReader, delivery: Delivery) -> Response:
    """Return the answer when the stream has ended."""
    try:
        async with aclosing(reader.batches(delivery.heartbeat_s)) as batches:
            async for batch in batches:
                match batch[-1] if batch else None:
                    case StreamComplete(response):
                        return Json(ChatAnswer(reader.stream_id, response))
                    case StreamError(reason, content):
                        fault = TurnFault("turn_failed", str(reason), reason)
                        return Json(TurnFailed(fault, reader.stream_id, content), 502)
    except ReaderMoved:
        raise Refusal(503, f"{MOVED.message}: /streams/{reader.stream_id}/events") from None
    except ReaderClosed:
        pass  # the client has disconnected
    raise Refusal(503, "the stream ended without its last event")


def agents(everything: Everything, delivery: Delivery) -> APIRouter:
    routes = APIRouter(tags=["agents"])

    @routes.post("/agents")
    @needs(Scope.CHAT)
    @answers(json(AgentInfo, 201), refuses=(409, 422))
    async def start(body: StartAgent, caller: CurrentCaller) -> Response:
        """Start an agent. Its owner is the caller's user; the scope admin can set another `owner`."""
        pid = await everything.visible_to(caller).start(body.model_dump(exclude_unset=True, exclude_none=True))
        return Json(await agent.info(pid), 201)

    @routes.get("/agents")
    @needs(Scope.READ)
    @answers(json(AgentPage), refuses=(422,))
    async def list_(
        caller: CurrentCaller,
        after: Id | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        usable: Annotated[bool, Query(description="also configured agents, but no sessions of conversations")] = False,
    ) -> Response:
        """List the running agents, in order of their ids."""
        visible = everything.visible_to(caller)
        if usable:
            every = [each for each in await visible.usable() if after is None or each.id > after]
            return Json(AgentPage(every[:limit]))
        page = await visible.sessions.running(after, limit)
        return Json(AgentPage([ListedAgent(each.id, each.name, each.live, each.owner) for each in page]))

    @routes.get("/agents/{agent_id}")
    @needs(Scope.READ)
    @answers(json(AgentInfo), refuses=(404, 422))
    async def show(agent_id: AgentId, caller: CurrentCaller) -> Response:
        """Show an agent and its streams."""
        return Json(await agent.info(await everything.visible_to(caller).agent(agent_id)))

    @routes.delete("/agents/{agent_id}")
    @needs(Scope.CHAT)
    @answers(json(AgentStopped), refuses=(404, 422))
    async def stop(agent_id: AgentId, caller: CurrentCaller) -> Response:
        """Stop an agent. Its running turn ends with an error, which has the partial answer."""
        await everything.visible_to(caller).stop(agent_id)
        return Json(AgentStopped(True))

    @routes.post("/agents/{agent_id}/conversations")
    @needs(Scope.CHAT)
    @answers(json(BegunConversation), refuses=MESSAGE_REFUSALS)
    async def converse(agent_id: AgentId, body: Converse, caller: CurrentCaller) -> Response:
        """Return the id of your session with a configured agent and a name. It is begun if it does not exist."""
        return Json(BegunConversation(await everything.visible_to(caller).conversation(agent_id, body.name)))

    @routes.post("/agents/{agent_id}/chat")
    @needs(Scope.CHAT)
    @answers(json(ChatAnswer), json(TurnFailed, 502), refuses=MESSAGE_REFUSALS)
    async def chat(request: Request, agent_id: AgentId, body: Ask, caller: CurrentCaller) -> Response:
        """Send a message and wait for the whole answer. The turn continues if the client disconnects."""
        reader = await everything.visible_to(caller).ask(
            agent_id, await given(body.message, body.parts), body.stream_id
        )
        with closing(reader):
            async with when_gone(request.receive, reader.close):
                return await _whole(reader, delivery)

    @routes.post("/agents/{agent_id}/stream")
    @needs(Scope.CHAT)
    @answers(events(StreamEvents), refuses=MESSAGE_REFUSALS)
    async def stream(
        agent_id: AgentId, body: Ask, caller: CurrentCaller, error_event: ErrorEvent = "error"
    ) -> Response:
        """Send a message and read the answer as server-sent events. The header X-Stream-Id has the stream's id."""
        reader = await everything.visible_to(caller).ask(
            agent_id, await given(body.message, body.parts), body.stream_id
        )
        return EventStream(reader, delivery, frames_of(error_event))

    @routes.get("/agents/{agent_id}/stream")
    @needs(Scope.CHAT)
    @answers(events(StreamEvents), refuses=MESSAGE_REFUSALS)
    async def stream_by_address(
        agent_id: AgentId,
        message: Annotated[Text, Query()],
        caller: CurrentCaller,
        stream_id: Annotated[Id | None, Query()] = None,
        error_event: ErrorEvent = "error",
    ) -> Response:
        """Do the same for EventSource, which can only send an address. A page needs `?ticket=` of POST /tickets."""
        reader = await everything.visible_to(caller).ask(agent_id, message, stream_id)
        return EventStream(reader, delivery, frames_of(error_event))

    return routes
