"""Routes for people who watch the system: an overview, the calls that wait, timelines, and the suspension of agents."""

import asyncio
from base64 import b64encode
from hashlib import sha256
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from actors.clock import unix_s
from actors.log import get_logger
from actors.observer import Measure
from agents.agent_registry import stands_in
from agents.cluster.everywhere import waiting_everywhere
from agents.contract.watch import AgentReset, AgentSuspended, CrashedAgents, Overview, StreamTimeline, WaitingCalls
from agents.gateway.document.responses import answers, json, text
from agents.gateway.errors import Refusal
from agents.gateway.guard.scopes import needs
from agents.gateway.overview import crashed_agents, overview
from agents.gateway.reports import NodeName, of_node
from agents.gateway.routes.agents import AgentId
from agents.gateway.routes.permission import CurrentCaller
from agents.gateway.routes.reply import Json
from agents.gateway.routes.streams import StreamId
from agents.gateway.visible import Everything, Visible
from agents.instance.elsewhere import ResumeFar, SuspendFar, control, running_agent
from agents.instance.running import WaitingCall, agent_state, place_of
from agents.settings import Scope
from agents.timeline import TimelineFold, picture_of, svg
from agents.timeline.picture import NARROWEST, WIDEST, WIDTH
from agents.timeline.svg import STYLE

SVG: Final = "image/svg+xml"
STYLE_HASH: Final = b64encode(sha256(STYLE.encode()).digest()).decode()
SVG_HEADERS: Final = {"content-security-policy": f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'"}
"""A picture has its style inside, and nothing else is loaded or run."""
SHOWN_CALLS: Final = 1000

Width = Annotated[int, Query(ge=NARROWEST, le=WIDEST, description="the width of the picture, in pixels")]

log = get_logger("understudy.gateway")


def watch(everything: Everything) -> APIRouter:
    routes = APIRouter(tags=["watch"])

    @routes.get("/overview")
    @needs(Scope.READ)
    @answers(json(Overview), refuses=(422,))
    async def system(
        caller: CurrentCaller,
        by: Measure = "reductions",
        count: Annotated[int, Query(ge=1, le=100)] = 10,
        children: Annotated[int, Query(ge=1, le=1000, description="the most children shown of one process")] = 50,
        node: NodeName = None,
    ) -> Response:
        """Show the tree, the busiest processes, running turns, providers, workers and crashes that you may see."""
        if node is not None:
            rights = {"user": caller.user, "admin": caller.may(Scope.ADMIN)}
            return await of_node(node, "overview", by=by, count=count, children=children, **rights)
        return Json(await overview(caller, children, by, count))

    @routes.get("/restarts")
    @needs(Scope.READ)
    @answers(json(CrashedAgents))
    async def crashed(caller: CurrentCaller) -> Response:
        """List the agents of this node that have crashed, with their restarts and their last crash."""
        return Json(CrashedAgents(await crashed_agents(caller)))

    @routes.post("/agents/{agent_id}/reset")
    @needs(Scope.CHAT)
    @answers(json(AgentReset), refuses=(404, 422, 503))
    async def reset(agent_id: AgentId, caller: CurrentCaller) -> Response:
        """Forget an agent's restarts. An agent that waits for its restart or is held is started at once."""
        await everything.visible_to(caller).reset(agent_id)
        log.info("agent_reset", agent_id=agent_id, caller=caller.name, user=caller.user)
        return Json(AgentReset(True))

    @routes.get("/approvals")
    @needs(Scope.READ)
    @answers(json(WaitingCalls), refuses=(422,))
    async def approvals(
        caller: CurrentCaller,
        limit: Annotated[int, Query(ge=1, le=SHOWN_CALLS)] = SHOWN_CALLS,
        after: Annotated[str | None, Query(description="`next` of the page before")] = None,
        owner: Annotated[str | None, Query(description="only the calls of this user's agents")] = None,
    ) -> Response:
        """List what waits for a decision, the most urgent first: calls of your agents, or of every user's.

        The scopes `approve_all` and `admin` see those of every user. Calls of parked turns are among them.
        """
        sees_all = caller.may(Scope.APPROVE_ALL)
        if not sees_all and owner not in (None, caller.user):
            return Json(WaitingCalls([]))
        chosen = owner if sees_all else caller.user
        found = await waiting_everywhere(limit, chosen, None if after is None else _place(after))
        return Json(WaitingCalls(found, _words(found[-1]) if len(found) == limit else None))

    @routes.get("/streams/{stream_id}/timeline")
    @needs(Scope.READ)
    @answers(json(StreamTimeline), refuses=(404, 422))
    async def timeline(stream_id: StreamId, caller: CurrentCaller, width: Width = WIDTH) -> Response:
        """Show a turn over time: its lanes and spans, and their layout as a picture."""
        found = (await _fold(everything.visible_to(caller), stream_id)).timeline(unix_s())
        return Json(StreamTimeline(found, picture_of(found, width)))

    @routes.get("/streams/{stream_id}/timeline.svg")
    @needs(Scope.READ)
    @answers(text(SVG, "The picture."), refuses=(404, 422))
    async def timeline_svg(stream_id: StreamId, caller: CurrentCaller, width: Width = WIDTH) -> Response:
        """Show a turn over time as a picture."""
        found = (await _fold(everything.visible_to(caller), stream_id)).timeline(unix_s())
        return Response(svg(picture_of(found, width)), media_type=SVG, headers=SVG_HEADERS)

    @routes.post("/agents/{agent_id}/suspend")
    @needs(Scope.ADMIN)
    @answers(json(AgentSuspended), refuses=(404, 422))
    async def suspend(agent_id: AgentId, caller: CurrentCaller) -> Response:
        """Suspend an agent: its messages wait until it is resumed. A turn that runs continues to its end."""
        await _control(agent_id, SuspendFar())
        log.info("agent_suspended", agent_id=agent_id, caller=caller.name, user=caller.user)
        return Json(AgentSuspended(True))

    @routes.post("/agents/{agent_id}/resume")
    @needs(Scope.ADMIN)
    @answers(json(AgentSuspended), refuses=(404, 422))
    async def resume(agent_id: AgentId, caller: CurrentCaller) -> Response:
        """Resume a suspended agent, with the messages that have arrived."""
        await _control(agent_id, ResumeFar())
        log.info("agent_resumed", agent_id=agent_id, caller=caller.name, user=caller.user)
        return Json(AgentSuspended(False))

    return routes


def _words(last: WaitingCall) -> str:
    """Return the place in the list as a text for the client."""
    deadline, stream_id, number = place_of(last)
    return f"{deadline!r}/{number}/{stream_id}"


def _place(text: str) -> tuple[float, str, int]:
    """Return the place of a client's text. Raises Refusal."""
    deadline, _, rest = text.partition("/")
    number, _, stream_id = rest.partition("/")
    try:
        return float(deadline), stream_id, int(number)
    except ValueError:
        raise Refusal(422, f"after: expected `next` of the page before, got {text[:40]!r}") from None


async def _fold(visible: Visible, stream_id: str) -> TimelineFold:
    """Return the stream's events so far as a timeline. Other code runs between two pages."""
    fold = TimelineFold(stream_id)
    async for page in visible.streams.events(stream_id):
        for event in page:
            fold.add(event)
        await asyncio.sleep(0)
    return fold


async def _control(agent_id: str, request: SuspendFar | ResumeFar) -> None:
    """Suspend or resume an agent of any node. An agent that sleeps is not woken."""
    pid = await running_agent(agent_id)
    runs = pid is not None and (stands_in(pid) or agent_state(pid.process) is not None)
    if pid is None or not runs or not await control(pid, request):
        raise Refusal(404, f"expected the id of an agent that runs, got {agent_id!r}"[:200], "agent_not_found")
