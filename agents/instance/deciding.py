"""Decisions on calls that wait: those of the agent's running turn, and those of its sub-agents."""

from collections.abc import Iterator

from agents.instance.requests import Approve, Deny
from agents.instance.running import agent_state
from agents.instance.state import AgentState
from agents.tools.approval import AlreadyDecided, Answer, NotAsked
from agents.tools.executor import TurnCalls


def decide(request: Approve | Deny, state: AgentState) -> Answer:
    """Decide about a call. The id of a call that waits has precedence over that of a decided one."""
    decided: Answer = NotAsked(request.call_id)
    for calls in _calls(state, request.stream_id):
        answer = _decide(calls, request)
        if not isinstance(answer, NotAsked | AlreadyDecided):
            return answer
        if isinstance(answer, AlreadyDecided):
            decided = answer
    return decided


def _calls(state: AgentState, stream_id: str | None) -> Iterator[TurnCalls]:
    """Yield the calls of the stream, and of the sub-agents below it. stream_id: None for the running one."""
    running = state.running
    if running is None or (calls := running.stream.calls) is None:
        return
    if stream_id is None or running.stream.answers(stream_id):
        stream_id = None
        yield calls
    for pid in calls.agents:
        if (below := agent_state(pid.process)) is not None:
            yield from _calls(below, stream_id)


def _decide(calls: TurnCalls, request: Approve | Deny) -> Answer:
    if isinstance(request, Approve):
        return calls.approve(request.call_id, request.arguments, request.edited)
    return calls.deny(request.call_id, request.reason)
