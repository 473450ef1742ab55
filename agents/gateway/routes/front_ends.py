"""Routes for front ends that speak AG-UI, or the UI message stream of the AI SDK."""

from typing import Annotated, Final

from fastapi import APIRouter, Path
from starlette.responses import Response

from agents import agent
from agents.contract.ag_ui import AgUiEvents
from agents.contract.ui_messages import UiParts
from agents.gateway.actions import Id
from agents.gateway.document.responses import MESSAGE_REFUSALS, answers, events, nothing
from agents.gateway.event_stream import Delivery
from agents.gateway.front_ends.ag_ui import AgUi
from agents.gateway.front_ends.bodies import RunInput, UiChat
from agents.gateway.front_ends.resumed import FrontEnd
from agents.gateway.front_ends.ui_messages import HEADERS, UiMessages
from agents.gateway.guard.scopes import needs
from agents.gateway.openai_api.messages import text_of
from agents.gateway.openai_api.tools import check_unused
from agents.gateway.routes.permission import CurrentCaller
from agents.gateway.routes.streams import OVER, LastEventId, Seq, StreamId, place_of
from agents.gateway.visible import Everything
from agents.settings import Scope

Model = Annotated[Id, Path(description="the id of a configured agent")]
AG_UI: Final = FrontEnd(AgUi)
UI_MESSAGES: Final = FrontEnd(UiMessages, HEADERS)


def front_ends(everything: Everything, delivery: Delivery) -> APIRouter:
    routes = APIRouter(tags=["front_ends"])

    @routes.post("/ag-ui/{model}")
    @needs(Scope.CHAT)
    @answers(events(AgUiEvents), refuses=MESSAGE_REFUSALS)
    async def run(model: Model, body: RunInput, caller: CurrentCaller) -> Response:
        """Run an AG-UI thread. An unknown thread begins a session with the configuration of the agent `model`.

        The turn continues if the client disconnects. A second request with the same run reads the same stream.
        """
        visible, asked = everything.visible_to(caller), body.asked()
        session_id = await visible.begin_session(body.thread_id, everything.models.config(model, caller))
        if asked.tools:
            check_unused(asked.tools, (await agent.info(await visible.agent(session_id))).tools)
        reader = await visible.ask(session_id, text_of(asked.messages), body.run_id, asked)
        return AG_UI.answer(reader, delivery)

    @routes.get("/streams/{stream_id}/ag-ui")
    @needs(Scope.READ)
    @answers(events(AgUiEvents), nothing(OVER), refuses=(404, 422))
    async def run_after(
        stream_id: StreamId, caller: CurrentCaller, after: Seq = None, last_event_id: LastEventId = None
    ) -> Response:
        """Read the AG-UI events of a stream after a place, then each new one."""
        visible = everything.visible_to(caller)
        return await AG_UI.resumed(visible, stream_id, place_of(after, last_event_id), delivery)

    @routes.post("/ui-messages/{model}")
    @needs(Scope.CHAT)
    @answers(events(UiParts), refuses=MESSAGE_REFUSALS)
    async def chat(model: Model, body: UiChat, caller: CurrentCaller) -> Response:
        """Answer the last message of a chat of the AI SDK.

        An unknown chat begins a session with the configuration of the agent `model`. The turn continues if the client
        disconnects.
        """
        visible, message = everything.visible_to(caller), body.message()
        session_id = await visible.begin_session(body.id, everything.models.config(model, caller))
        return UI_MESSAGES.answer(await visible.ask(session_id, message), delivery)

    @routes.get("/ui-messages/{model}/{chat_id}/stream")
    @needs(Scope.READ)
    @answers(events(UiParts), nothing("No turn of the chat runs."), refuses=(404, 422))
    async def chat_again(model: Model, chat_id: Annotated[Id, Path()], caller: CurrentCaller) -> Response:
        """Read the turn that a chat of the AI SDK runs, from its begin, as the AI SDK does when a page is opened."""
        visible = everything.visible_to(caller)
        everything.models.config(model, caller)
        pid = await visible.sessions.wake(chat_id)
        streams = () if pid is None else (await agent.info(pid)).streams
        running = next((each.id for each in streams if each.status == "running"), None)
        if running is None:
            return Response(status_code=204)
        return await UI_MESSAGES.resumed(visible, running, 0, delivery)

    @routes.get("/streams/{stream_id}/ui-messages")
    @needs(Scope.READ)
    @answers(events(UiParts), nothing(OVER), refuses=(404, 422))
    async def chat_after(
        stream_id: StreamId, caller: CurrentCaller, after: Seq = None, last_event_id: LastEventId = None
    ) -> Response:
        """Read the UI message stream of a stream after a place, then each new part."""
        visible = everything.visible_to(caller)
        return await UI_MESSAGES.resumed(visible, stream_id, place_of(after, last_event_id), delivery)

    return routes
