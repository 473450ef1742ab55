"""Agents: start, list, show, stop; ask one and wait for the whole answer, or read it as it comes."""

from contextlib import aclosing, closing, suppress
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from agents import agent
from agents.agent_config.bounded import bounded_schema
from agents.contract.answers import AgentPage, AgentStopped, ChatAnswer, ListedAgent, TurnFailed, TurnFault
from agents.contract.wire import StreamEvents
from agents.core.events import StreamComplete, StreamError
from agents.gateway.actions import Id, Text
from agents.gateway.document.responses import ASKING, answers, events, json
from agents.gateway.errors import Refusal
from agents.gateway.event_stream import ErrorEvent, EventStream, Pace, frames_of
from agents.gateway.own_sessions import seen_by
from agents.gateway.presence import when_gone
from agents.gateway.reader import AnyReader, ReaderClosed
from agents.gateway.routes.asking import Asking
from agents.gateway.routes.reply import Json
from agents.gateway.sessions import LiveSessions
from agents.gateway.visible import Known
from agents.gateway.words import BUILTIN_TOOL
from agents.instance.info import AgentInfo
from agents.llm.endpoint import Api
from agents.settings.agent import LimitsConfig, StreamingConfig, WhenBusy
from agents.settings.values import Count, CountOrZero, Flag, TextOnly, UserName
from supervisors import agent_supervisor

AgentId = Annotated[Id, Path()]


def _bounded(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema. Raises ValueError for one whose check could hold the loop."""
    bounded_schema(schema)
    return schema


class StartAgent(TextOnly):
    """What a client may say of a new agent. Whom it asks, with which key, and which code its tools are, only the host
    says: a client that could would have the host's keys and its user's files."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Id | None = None
    name: str | None = None
    model: str | None = None
    system_prompt: str | None = None
    tools: list[Annotated[str, Field(pattern=BUILTIN_TOOL)]] | None = None
    api_preference: Api | None = None
    stream: Flag | None = None
    streaming_config: StreamingConfig | None = None
    model_options: dict[str, Any] | None = None
    limits: LimitsConfig | None = None
    when_busy: WhenBusy | None = None
    max_queue: CountOrZero | None = None
    max_steering: Count | None = None
    answer_type: Annotated[dict[str, Any], AfterValidator(_bounded)] | None = None
    answer_retries: CountOrZero | None = None
    owner: UserName | None = None


class Ask(TextOnly):
    """stream_id: of the client's making: who asks again by it, because the answer was lost, gets that answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    message: Text
    stream_id: Id | None = None


async def _whole(reader: AnyReader, pace: Pace) -> Response:
    """The answer to a stream, once it has ended."""
    with suppress(ReaderClosed):  # the client has gone
        async with aclosing(reader.batches(pace.heartbeat_s)) as batches:
            async for batch in batches:
                match batch[-1] if batch else None:
                    case StreamComplete(response):
                        return Json(ChatAnswer(reader.stream_id, response))
                    case StreamError(reason, content):
                        fault = TurnFault("turn_failed", str(reason), reason)
                        return Json(TurnFailed(fault, reader.stream_id, content), 502)
    raise Refusal(503, "the stream ended without its last event")


def agents(known: Known, pace: Pace) -> APIRouter:
    routes = APIRouter(tags=["agents"])

    @routes.post("/agents")
    @answers(json(AgentInfo, 201), refuses=(409, 422))
    async def start(body: StartAgent, caller: Asking) -> Response:
        """Start an agent. It is the caller's; another `owner` may be said by who may do everything."""
        pid = await known.by(caller).start(body.model_dump(exclude_unset=True, exclude_none=True))
        return Json(await agent.info(pid), 201)

    @routes.get("/agents")
    @answers(json(AgentPage), refuses=(422,))
    async def list_(
        caller: Asking, after: Id | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> Response:
        """The agents that run, in order of their ids."""
        page = await seen_by(caller, LiveSessions()).sessions(after, limit)
        return Json(AgentPage([ListedAgent(each.id, each.name, each.live, each.owner) for each in page]))

    @routes.get("/agents/{agent_id}")
    @answers(json(AgentInfo), refuses=(404, 422))
    async def show(agent_id: AgentId, caller: Asking) -> Response:
        """What an agent is, and which streams it has."""
        return Json(await agent.info(await known.by(caller).agent(agent_id)))

    @routes.delete("/agents/{agent_id}")
    @answers(json(AgentStopped), refuses=(404, 422))
    async def stop(agent_id: AgentId, caller: Asking) -> Response:
        """End an agent; its running turn ends with an error, and what it had said is kept in it."""
        await agent_supervisor.stop_agent(await known.by(caller).agent(agent_id))
        return Json(AgentStopped(True))

    @routes.post("/agents/{agent_id}/chat")
    @answers(json(ChatAnswer), json(TurnFailed, 502), refuses=ASKING)
    async def chat(request: Request, agent_id: AgentId, body: Ask, caller: Asking) -> Response:
        """Ask, and wait for the whole answer. It goes on if the client does not wait."""
        reader = await known.by(caller).ask(agent_id, body.message, body.stream_id)
        with closing(reader):
            async with when_gone(request.receive, reader.close):
                return await _whole(reader, pace)

    @routes.post("/agents/{agent_id}/stream")
    @answers(events(StreamEvents), refuses=ASKING)
    async def stream(agent_id: AgentId, body: Ask, caller: Asking, error_event: ErrorEvent = "error") -> Response:
        """Ask, and read the answer as server-sent events. The header X-Stream-Id says where to come back."""
        reader = await known.by(caller).ask(agent_id, body.message, body.stream_id)
        return EventStream(reader, pace, frames_of(error_event))

    return routes
