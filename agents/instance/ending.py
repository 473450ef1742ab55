"""The end of an agent with its turns: each gets its terminal event, or goes to the next node without one.

An agent that ends in order frees its id before it waits for anything. So the next request by that id starts a
successor, as soon as this agent has ended. The messages that it has not read go to the successor, too.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from actors import NORMAL, SHUTDOWN, CallFailed, Outcome, Pid, Reply, Shutdown, Stop, call, ended, send
from actors import exit as send_exit
from actors.clock import now_s
from agents.agent_registry import has_no_stream, leave
from agents.core.errors import Cancelled, Fault, HandlerCrashed, Interrupted, StoreFailed
from agents.core.turn import Phase
from agents.instance.answers import words_of
from agents.instance.by_id import deliver
from agents.instance.elsewhere import HANDED_OVER, PARKED
from agents.instance.messages import recorded
from agents.instance.requests import HandOver, Subscribe, Unsubscribe
from agents.instance.state import AgentState, Running, StreamChat
from agents.instance.subscriptions import followed, known
from agents.instance.turns import refuse
from agents.instance.waking import leave_session
from agents.sessions import SessionError
from agents.streams.report import report_end


async def end_agent(agent: Pid, reason: Any, state: AgentState) -> None:
    """End the agent's turns. If it ends because nothing is left to do here, leave its session to a successor."""
    for timer in state.timers.values():
        timer.cancel()
    if reason is not NORMAL and reason not in (HANDED_OVER, PARKED):
        await _end_turns(agent, reason, (*state.queue, *_unread(agent, state)), state)
        return
    leave(agent, state.config.id)
    for stream_id in _streams(state):
        has_no_stream(agent, stream_id)
    if not state.handed_over:
        await _end_turns(agent, reason, state.queue, state)
    await leave_session(state.config.id)
    _pass_on(agent, state)


async def _end_turns(agent: Pid, reason: Any, waiting: tuple[StreamChat, ...], state: AgentState) -> None:
    """End the running turn, and those that wait. Each stream gets its terminal event."""
    ordered = reason in (SHUTDOWN, HANDED_OVER)
    stopped: Fault = HandlerCrashed(f"its agent ended: {words_of(reason)}")
    if ordered:  # a sub-agent is only stopped with the turn that called it
        stopped = Interrupted() if state.config.parent is None else Cancelled()
    if (running := state.running) is not None:
        send_exit(running.handler, Shutdown("agent ended"))
        await ended(running.handler)
        running.stream.fail(running.fault or stopped, now_s())
        await running.stream.durable()
        report_end(state.config.id, running.stream)
    for chat in waiting:
        refuse(agent, chat, stopped, state)


async def hand_over(agent: Pid, at_once: bool, state: AgentState) -> Outcome[AgentState]:
    """End the agent, and leave its turns to the next node. at_once: as in HandOver."""
    left = await given_up(agent, at_once, state)
    return Reply(False, state) if left is None else Stop(HANDED_OVER, left, reply=True)


async def given_up(agent: Pid, at_once: bool, state: AgentState) -> AgentState | None:
    """Stop the running turn without an end, and return the state without turns. All of them are on disk.

    Return None while calls of the turn run, unless at_once is True. An agent whose session is not kept has no next
    node: its turns end here.
    """
    if not state.keeping.kept:
        return state if at_once or (state.running is None and not state.queue) else None
    if (running := state.running) is not None and not running.over:
        turn = running.stream.turn
        if not at_once and turn is not None and turn.phase is Phase.EXECUTING:
            return None
        await _give_up_sub_agents(running)
        send_exit(running.handler, Shutdown("turn handed over"))
        await ended(running.handler)
        await running.stream.durable()
        running.stream.trace.span.end(None)
    while unread := _unread(agent, state):  # others may come while these are written
        for chat in unread:
            try:
                await recorded(chat, state)
            except SessionError as failed:
                refuse(agent, chat, StoreFailed(failed.for_client), state)
        state = replace(state, queue=(*state.queue, *unread))
    return replace(state, running=None, handed_over=True)


async def _give_up_sub_agents(running: Running) -> None:
    """Stop the turns below without an end: the call of the next node continues them."""
    for below in running.stream.calls.agents if running.stream.calls is not None else ():
        with suppress(CallFailed):
            await call(below, HandOver(at_once=True), timeout_s=None)


def _pass_on(agent: Pid, state: AgentState) -> None:
    """Send the unread messages to the agent's successor, which is started if necessary."""
    for message in _messages(agent):
        match message:
            case StreamChat(_, subscriber, stream_id) if known(state, stream_id):  # a repeated request
                if subscriber is not None:
                    followed(state, stream_id, subscriber, after=0)
            case StreamChat() | Subscribe() | Unsubscribe():  # the sender of any other one waits, and asks again
                _to_successor(agent, message, state)


def send_on(agent: Pid, other: Pid) -> None:
    """Send the messages that came while the agent started to the process that has its id now."""
    for message in _messages(agent):
        if isinstance(message, StreamChat | Subscribe | Unsubscribe):
            send(other, message)


def _to_successor(agent: Pid, message: StreamChat | Subscribe | Unsubscribe, state: AgentState) -> None:
    try:
        deliver(state.config.id, message, wakes=True)
    except CallFailed:  # without a store there is none
        if isinstance(message, StreamChat):
            refuse(agent, message, HandlerCrashed("its agent ended"), state)


def _streams(state: AgentState) -> Iterator[str]:
    """Yield the ids of the agent's streams."""
    for recent in state.recent:
        yield from (recent.stream.id, *recent.stream.steered_by)
    if state.running is not None:
        yield from (state.running.stream.id, *state.running.stream.steered_by)
    yield from (chat.stream_id for chat in state.queue)


def _unread(agent: Pid, state: AgentState) -> list[StreamChat]:
    """Return the unread messages, except those with the id of an existing stream."""
    chats = [message for message in _messages(agent) if isinstance(message, StreamChat)]
    return [chat for chat in chats if not known(state, chat.stream_id)]


def _messages(agent: Pid) -> list[Any]:
    return [] if agent.process is None else [message for message, _ in agent.process.mailbox]


def cancel_waiting(agent: Pid, stream_id: str | None, state: AgentState) -> Reply[AgentState]:
    """Refuse the messages that wait for this stream, and reply whether there were any."""
    chosen = tuple(chat for chat in state.queue if chat.stream_id == stream_id)
    for chat in chosen:
        refuse(agent, chat, Cancelled(), state)
    return Reply(bool(chosen), replace(state, queue=tuple(chat for chat in state.queue if chat not in chosen)))
