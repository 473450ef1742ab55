"""The route of the chat interface, as a thin alias. Source: "Streaming Implementation Guide".

The frames are JSON after `data: `, without ids or names. A client that reconnects uses /streams/{id}/events with the id
of the header X-Stream-Id.
"""

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter
from msgspec import UNSET
from msgspec.structs import replace
from pydantic import ConfigDict
from starlette.responses import Response

from agents.contract.chat_frames import (
    OTHERS,
    ChatFrames,
    CutFrame,
    DeltaContent,
    DeltaFrame,
    DoneFrame,
    ErrorFrame,
    ToolCallFrame,
    ToolExecutionCompleteFrame,
    ToolExecutionErrorFrame,
    ToolExecutionStartFrame,
)
from agents.contract.events import CutData
from agents.contract.wire import data_of, name_of
from agents.core.conversation import ToolCall
from agents.core.events import (
    Event,
    StreamComplete,
    StreamError,
    StreamFunctionCallComplete,
    StreamToken,
    StreamToolResult,
    StreamToolStart,
)
from agents.core.text import to_json
from agents.gateway.actions import Text
from agents.gateway.document.responses import MESSAGE_REFUSALS, answers, events
from agents.gateway.event_stream import Delivery, EventStream
from agents.gateway.guard.scopes import needs
from agents.gateway.parts import Items, given
from agents.gateway.routes.permission import CurrentCaller
from agents.gateway.routes.request_body import RequestBody
from agents.gateway.visible import Everything
from agents.settings import Scope


class ChatText(RequestBody):
    """A message to the default agent.

    Other keys, such as orgId and conversationContext, are ignored: the token gives the user, and the agent has its
    conversation. parts: after the text.
    """

    model_config = ConfigDict(extra="ignore")

    text: Text
    parts: Items = None


def chat_frames(everything: Everything, delivery: Delivery) -> APIRouter:
    routes = APIRouter(tags=["messages"])

    @routes.post("/stream")
    @needs(Scope.CHAT)
    @answers(events(ChatFrames), refuses=MESSAGE_REFUSALS)
    async def send_text(body: ChatText, caller: CurrentCaller) -> Response:
        """Send a message to the default agent. The events are delta, tool_call, tool_execution_start and the others."""
        visible = everything.visible_to(caller)
        reader = await visible.ask(await visible.default_agent("agent_id"), await given(body.text, body.parts))
        return EventStream(reader, delivery, _lines, _cut)

    return routes


def _lines(events: Iterable[Event]) -> bytes:
    return b"".join([_line(frame) for event in events if (frame := _frame(event)) is not None])


def _cut(data: CutData) -> bytes:
    return _line(CutFrame(data.code, data.message))


def _line(data: object) -> bytes:
    return b"data: %b\n\n" % to_json(data)


def _frame(event: Event) -> Any:
    """Return the frame of an event; None for an event whose content another frame has."""
    at = UNSET if event.at is None else event.at
    match event:
        case StreamToken(text):
            return DeltaFrame(DeltaContent(text), at=at)
        case StreamFunctionCallComplete(call):
            return ToolCallFrame(_readable(call), at=at)
        case StreamToolStart(call):
            return ToolExecutionStartFrame(call.id, call.name, at=at)
        case StreamToolResult(call, result) if result.error:
            return ToolExecutionErrorFrame(call.id, result.content, at=at)
        case StreamToolResult(call, result):
            return ToolExecutionCompleteFrame(call.id, result.value, at=at)
        case StreamComplete():
            return DoneFrame(at=at)
        case StreamError(reason):
            return ErrorFrame(str(reason), at=at)
    name = name_of(event)
    return {"type": name, "data": data_of(event)} if name in OTHERS else None


def _readable(call: ToolCall) -> ToolCall:
    """Return the call with arguments that are JSON where the model left them out: the document's client parses them."""
    return call if call.arguments else replace(call, function=replace(call.function, arguments="{}"))
