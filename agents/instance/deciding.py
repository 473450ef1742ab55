"""Decisions on calls that wait: those of the agent's running turn, and those of its sub-agents."""

from collections.abc import Iterator
from typing import Final

from actors import Reply
from actors.clock import unix_s
from agents.agent_config import AgentConfig
from agents.core.waiting import Ruling, Waiting
from agents.instance.requests import AnswerQuestion, Approve, Deny, Settle
from agents.instance.running import agent_state
from agents.instance.standing import always_fault, approve_always
from agents.instance.state import AgentState
from agents.streams.stream import Stream
from agents.tools.approval import AlreadyDecided, Answer, Decided, InvalidAlways, NotAsked

ONLY_APPROVALS: Final = "expected always for the approval of a call, got it for a wait of the kind {}"


async def decided(request: Approve | Deny | AnswerQuestion, state: AgentState) -> Reply[AgentState]:
    """Reply with the answer to a decision."""
    return Reply(await decide(request, state), state)


async def decide(request: Approve | Deny | AnswerQuestion, state: AgentState) -> Answer:
    """Decide about a call. The id of a call that waits has precedence over that of a decided one.

    A decision is on disk when this returns, so that a crash does not undo it.
    """
    decided: Answer = NotAsked(request.call_id)
    always = request if isinstance(request, Approve) and request.always is not None else None
    if always is not None and (fault := await always_fault(always, kept=state.keeping.kept)) is not None:
        return fault
    for config, stream in _streams(state, request.stream_id):
        waiting = _waiting(stream, request.call_id)
        if always is not None and waiting is not None and waiting.kind != "approval":
            return InvalidAlways(request.call_id, ONLY_APPROVALS.format(waiting.kind))
        answer = _decide(stream, request)
        if isinstance(answer, Decided):
            await stream.durable()  # a store that fails ends the turn
            if always is not None and waiting is not None:
                await approve_always(always, waiting.call, config)
        if not isinstance(answer, NotAsked | AlreadyDecided):
            return answer
        if isinstance(answer, AlreadyDecided):
            decided = answer
    return decided


def settle(request: Settle, state: AgentState) -> bool:
    """Settle a call whose outcome a person is asked about. Return whether there is one."""
    every = [stream.calls for _, stream in _streams(state, None) if stream.calls is not None]
    return any(calls.settle_asked(request.key, request.outcome) for calls in every)


def _waiting(stream: Stream, call_id: str) -> Waiting | None:
    """Return what waits with this id."""
    asked = stream.calls.waiting if stream.calls is not None else ()
    return next((each for each in (*asked, *stream.waits.known) if each.call.id == call_id), None)


def _streams(state: AgentState, stream_id: str | None) -> Iterator[tuple[AgentConfig, Stream]]:
    """Yield the stream, and those of the sub-agents below it, each with its agent. stream_id: None: the running one."""
    running = state.running
    if running is None:
        return
    if stream_id is None or running.stream.answers(stream_id):
        stream_id = None
        yield state.config, running.stream
    for pid in running.stream.calls.agents if running.stream.calls is not None else ():
        if (below := agent_state(pid.process)) is not None:
            yield from _streams(below, stream_id)


def _decide(stream: Stream, request: Approve | Deny | AnswerQuestion) -> Answer:
    """Decide about a call that asks now, or about one that the turn has not started again since it continued."""
    calls, call_id = stream.calls, request.call_id
    answer: Answer = NotAsked(call_id)
    if isinstance(request, Approve):
        if calls is not None:
            answer = calls.approve(call_id, request.arguments, request.edited, request.by)
        ruling = Ruling("approved", unix_s(), request.by, edited=request.edited)
        return stream.waits.decide(call_id, ruling, request.arguments) if isinstance(answer, NotAsked) else answer
    if isinstance(request, AnswerQuestion):
        if calls is not None:
            answer = calls.answer(call_id, request.answer, request.by, request.question)
        ruling = Ruling("answered", unix_s(), request.by, answer=request.answer)
        shown = request.question
        return stream.waits.decide(call_id, ruling, shown=shown) if isinstance(answer, NotAsked) else answer
    if calls is not None:
        answer = calls.deny(call_id, request.reason, request.by)
    ruling = Ruling("denied", unix_s(), request.by, request.reason)
    return stream.waits.decide(call_id, ruling) if isinstance(answer, NotAsked) else answer
