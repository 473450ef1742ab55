"""A turn of a session, for a request to /v1/responses with `store`.

A response has the id of its stream. A request that names the last response of a session continues the session. A
request that names an earlier one continues a copy of the session up to that response, so that both answers stay true.
"""

from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

from msgspec import Struct

from actors import CallFailed
from agents import agent
from agents.agent_config.request import TurnRequest
from agents.core.conversation import Conversation
from agents.gateway.errors import Refusal
from agents.gateway.guard.caller import Caller
from agents.gateway.openai_api.one_turn import OneTurn, begin_at
from agents.gateway.visible import Everything, Visible
from agents.instance.elsewhere import running_agent
from agents.instance.waking import Origin
from agents.sessions import StreamRecord, StreamStatus
from supervisors import agent_supervisor

PREVIOUS = "previous_response_id"
Asked = Callable[[Conversation], TurnRequest]


class KeptRequest(Struct, frozen=True):
    """A request that has a session.

    response_id: of the new response. asked: returns the turn's request, for the conversation so far.
    """

    everything: Everything
    caller: Caller
    model: str
    response_id: str
    asked: Asked


async def begin_session(request: KeptRequest) -> OneTurn:
    """Begin a session with this turn. Raises Refusal."""
    everything, caller = request.everything, request.caller
    asked = request.asked(())
    everything.gate.check()
    config = everything.models.config(request.model, caller)
    session_id = uuid4().hex
    async with everything.quotas.one_more_agent(caller, session_id):
        account = config.get("account", config.get("name"))
        own = {**config, "id": session_id, "name": request.model, "owner": caller.user, "account": account}
        pid = await agent_supervisor.start_agent(own, Origin.BEGUN)
    try:
        return await begin_at(pid, request.response_id, asked)
    except BaseException:
        await everything.visible_to(caller).sessions.delete(session_id)
        raise


async def continue_session(request: KeptRequest, previous: str) -> OneTurn:
    """Begin a turn after the previous response. Raises Refusal."""
    everything = request.everything
    everything.gate.check()
    everything.models.config(request.model, request.caller)
    visible = everything.visible_to(request.caller)
    kept = await _ended(visible, previous)
    async with everything.continued.lock(kept.session_id):  # two requests must not both continue the session
        info = await visible.sessions.info(kept.session_id)
        if request.model not in (info.name, info.id):  # a begun session has the model's name, an agent its own id
            words = f"model: expected {info.name!r}, the model of the previous response, got another"
            raise Refusal(422, words, param="model")
        try:
            return await _continued(request, visible, kept)
        except CallFailed:  # the agent of an earlier response ended between the look and the question
            return await _continued(request, visible, kept)


async def _continued(request: KeptRequest, visible: Visible, kept: StreamRecord) -> OneTurn:
    """Begin the turn in the session, or in a copy of it. Raises Refusal, and CallFailed if the agent ends meanwhile."""
    session_id = kept.session_id
    ran = await running_agent(session_id) is not None
    asked = request.asked(await agent.conversation(await visible.agent(session_id)))
    busy = await _busy(session_id)  # before the count: a turn that ends between the two has its messages in the count
    if busy or kept.messages_until != (await visible.sessions.info(session_id)).message_count:
        session_id = uuid4().hex
        await visible.sessions.fork(kept.session_id, session_id, (kept.id, None))
        ran = False
    pid = await visible.agent(session_id)
    turn = await begin_at(pid, request.response_id, asked, ends=not ran)
    try:
        await agent.info(pid)  # the agent has the message, so the next request finds it busy
    except CallFailed:
        turn.reader.close()
        raise
    return turn


async def _ended(visible: Visible, stream_id: str) -> StreamRecord:
    """Return the record of a response that has ended. Raises Refusal."""
    kept = await visible.sessions.kept_stream(stream_id)
    if kept is None:
        words = f"{PREVIOUS}: expected the id of a stored response, got {stream_id!r}"
        raise Refusal(422, words[:200], param=PREVIOUS, code="previous_response_not_found")
    if kept.status is StreamStatus.OPEN:
        raise Refusal(409, f"{PREVIOUS}: expected a response that has ended, got one that runs", param=PREVIOUS)
    return kept


async def _busy(session_id: str) -> bool:
    if (pid := await running_agent(session_id)) is None:
        return False
    with suppress(CallFailed):
        return any(each.status in ("running", "waiting") for each in (await agent.info(pid)).streams)
    return False
