"""Turns that wait for people without a process: their agent ends, and a decision or a deadline starts it again.

A turn is parked when it waits for a decision about a budget, or when each of its open calls waits for a decision, or is
answered by a sub-agent whose turn may be parked, too. The whole turn is on disk then. After this check, no deadline and
no decision begins a call.
"""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from actors import CallFailed, NoReply, Pid, Stop, send
from actors.log import get_logger
from actors.server.outcomes import Next
from agents.agent_registry import find_agent
from agents.core.budget_question import question_of
from agents.core.turn import Phase
from agents.core.waiting import Waiting
from agents.instance.elsewhere import PARKED
from agents.instance.ending import given_up
from agents.instance.followers import leave_followers, take_followers
from agents.instance.long_wait import LongWait
from agents.instance.parked_turns import LookAgain, Wake, tell
from agents.instance.running import agent_state
from agents.instance.state import AgentState
from agents.instance.subscriptions import followed
from agents.sessions import SessionError, open_journal
from agents.streams.stream import Stream

log = get_logger("understudy.agents")


async def long_wait(agent: Pid, state: AgentState) -> Next[AgentState]:
    """Park the agent's turn if it only waits. The turn of a sub-agent is parked with that of its caller."""
    parent = state.config.parent
    if parent is not None:
        if (caller := find_agent(parent.session_id)) is not None:
            send(caller, LongWait())
        return NoReply(state)
    waiting = [*_only_waiting(state)] if state.keeping.comes_back else []
    if not waiting or None in waiting:
        return NoReply(state)
    running = [(each.running.stream, each.config) for each in waiting if each is not None and each.running is not None]
    if not all(_is_announced(stream) for stream, _ in running):
        running[0][0].waits.watch()
        return NoReply(state)
    asked = [(stream, stream.calls.budget) for stream, _ in running if stream.calls is not None]
    for stream, _ in running:
        if stream.calls is not None:
            stream.calls.freeze()
    left = await given_up(agent, True, state)
    leave_followers(replace(state, queue=state.queue if left is None else left.queue))
    try:
        journal = await open_journal()
        if journal is not None:
            await journal.store.park({stream.id: config.charging.account for stream, config in running})
        has_room = await _has_room(asked)
    except (CallFailed, SessionError) as failed:
        log.warning("turn_not_parked", agent_id=state.config.id, reason=str(failed))
        tell(Wake(state.config.id))
    else:
        tell(Wake(state.config.id) if has_room else LookAgain())
    return Stop(PARKED, state if left is None else left)


async def _has_room(asked: Sequence[tuple[Stream, Waiting | None]]) -> bool:
    """Return whether one of these budgets has room again. The amount may have come before the turn was parked.

    asked: the streams, each with its question about a budget. Raises SessionError if the store can't be read.
    """
    for stream, waiting in asked:
        if waiting is not None and not await stream.account.reached(stream.id, question_of(waiting.call)):
            return True
    return False


def returned(agent_id: str, state: AgentState) -> AgentState:
    """Give an agent that goes on with a parked turn its subscribers back."""
    left = take_followers(agent_id)
    if left is None:
        return state
    for stream_id, places in left.places.items():
        for subscriber, seq in places.items():
            _, state = followed(state, stream_id, subscriber, seq)
    return replace(state, subscribers=(*state.subscribers, *left.subscribers))


def _only_waiting(state: AgentState | None) -> Iterator[AgentState | None]:
    """Yield the states of the agent and of the sub-agents below it. None: the turn of one does more than wait."""
    if state is None or not _waits(state) or state.running is None or state.running.stream.calls is None:
        yield None
        return
    yield state
    for pid in state.running.stream.calls.agents:
        yield from _only_waiting(agent_state(pid.process))


def _is_announced(stream: Stream) -> bool:
    """Return whether subscribers have each question of the turn. A sub-agent's must reach its caller's stream."""
    return stream.all_published and (stream.calls is None or stream.calls.all_taken)


def _waits(state: AgentState) -> bool:
    """Return whether the turn waits for a budget, or each of its started calls for a decision or for a sub-agent."""
    running = state.running
    if running is None or running.over or not running.continues or state.keeping.park_s is None:
        return False
    turn, calls = running.stream.turn, running.stream.calls
    if turn is None or calls is None or not running.chat.joins:
        return False
    if turn.phase is Phase.WAITING:
        return calls.budget is not None
    if turn.phase is not Phase.EXECUTING:
        return False
    round_ = turn.past.round
    return calls.waiting_only == round_.started - {each.index for each in round_.results}
