"""The turns of an agent, one after the other: steps of its state that begin, end and keep streams."""

import asyncio
from contextlib import suppress
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from actors import Pid, ProcessError, Shutdown, link, register, reply, send
from actors import exit as send_exit
from actors.clock import now_s
from actors.log import get_logger
from agents.agent_config.parts import refusal
from agents.agent_config.speaking import after
from agents.agent_registry import has_no_stream, has_stream
from agents.core.conversation import Conversation
from agents.core.errors import Busy, Cancelled, Fault, HandlerCrashed, Interrupted, Parked, StoreFailed
from agents.core.message_times import times_of
from agents.instance.answers import words_of
from agents.instance.long_wait import waits_of
from agents.instance.messages import joins, recorded
from agents.instance.recovery import EndSubAgents
from agents.instance.state import AgentState, Running, StreamChat
from agents.instance.waking import turn_name
from agents.sessions import SessionError
from agents.sessions.cut import Cut
from agents.sessions.records import SUSPECTED
from agents.settings import OnRestart
from agents.settings.agent import WhenBusy
from agents.streams.debug import DebugKeptStream, DebugStream
from agents.streams.handler import StreamHandler, interrupt, past_of
from agents.streams.kept import KeptStream
from agents.streams.recent import KEPT_S, Recent, with_ended, without_old
from agents.streams.report import report_end
from agents.streams.stream import Stream
from agents.traces.carrier import NO_TRACE
from agents.traces.span import TurnBegun
from supervisors import ChildSpec, RestartType
from supervisors.dynamic_supervisor import start_child

log = get_logger("understudy.agents")

STREAM_SUPERVISOR: Final = "stream_supervisor"

HANDLER: Final = ChildSpec("handler", StreamHandler, restart=RestartType.TEMPORARY)
"""The template of the stream supervisor's children."""


class Forget(Struct, frozen=True):
    """Reminder: drop the streams that ended KEPT_S ago."""


class Idle(Struct, frozen=True):
    """Reminder: end the idle process, if it has begun no turn since. turns: the number of turns that had begun."""

    turns: int


async def asked(agent: Pid, chat: StreamChat, state: AgentState) -> AgentState:
    """Treat a new message: begin its turn, or treat it by the agent's when_busy. A message may be refused."""
    if (refused := refusal(state.config, chat.message)) is not None:
        refuse(agent, chat, refused, state)
        return state
    try:
        if state.running is not None:
            return await while_busy(agent, chat, state.running, state)
        chat = await recorded(chat, state)
    except SessionError as failed:
        refuse(agent, chat, StoreFailed(failed.for_client), state)
        return state
    return await begin(agent, chat, state)


async def while_busy(agent: Pid, chat: StreamChat, running: Running, state: AgentState) -> AgentState:
    """Treat a message that comes during a turn, by the agent's when_busy."""
    match state.config.when_busy:
        case _ if running.over and not state.queue:
            pass  # the client has the end of the turn: for it the agent is free
        case WhenBusy.STEER if chat.joins and await joins(chat, running, state):
            if chat.subscriber is not None:
                running.stream.follow(chat.subscriber, after=0)
            running.stream.steered_by += (chat.stream_id,)
            has_stream(agent, chat.stream_id)
            return state
        case WhenBusy.REJECT:
            refuse(agent, chat, Busy("a turn runs"), state)
            return state
        case _ if len(state.queue) >= state.config.max_queue:
            refuse(agent, chat, Busy(f"{len(state.queue)} messages wait, which is max_queue"), state)
            return state
        case WhenBusy.INTERRUPT:
            state = replace(state, running=stopping(running, Cancelled()))
    has_stream(agent, chat.stream_id)
    return replace(state, queue=(*state.queue, await recorded(chat, state)))


def refuse(agent: Pid, chat: StreamChat, fault: Fault, state: AgentState) -> None:
    """End a stream that did not begin, with a fault."""
    has_no_stream(agent, chat.stream_id)
    stream = _stream(agent, chat, state)
    stream.fail(fault, now_s())
    report_end(state.config.id, stream)


async def begin(agent: Pid, chat: StreamChat, state: AgentState) -> AgentState:
    has_stream(agent, chat.stream_id)
    stream, cut = _stream(agent, chat, state), chat.cut
    config = after(state.config, state.conversation).answering(chat.answer).requested(chat.request)
    stream.waits = waits_of(agent, chat, config, state)
    if cut is not None and (fault := _why_not_resumed(cut, state)) is not None:
        conversation = interrupt(cut, fault, stream, past_of(config, state.conversation, state.compaction))
        await stream.durable()
        EndSubAgents.start(config.id)
        return await _over(agent, stream, _with_turn(state, conversation, stream))
    stream.trace.span = state.tracer.turn(_turn_of(chat, state))
    before = (state.conversation, state.compaction)
    handler = await start_child(STREAM_SUPERVISOR, chat.opening, stream, config, *before, state.parts, cut)
    link(handler)
    with suppress(ProcessError):  # it has ended: its Exit is on the way
        register(turn_name(state.config.id), handler)
    return replace(state, running=Running(chat, stream, handler), turns=state.turns + 1)


async def handler_ended(agent: Pid, running: Running, reason: Any, state: AgentState) -> AgentState:
    """End the turn. If its handler was stopped or crashed, publish the terminal event here."""
    stream = running.stream
    stream.fail(running.fault or HandlerCrashed(words_of(reason)), now_s())
    state = replace(_with_turn(state, running.conversation(state.conversation), stream), running=None)
    await stream.durable()
    for canceller in running.cancellers:
        reply(canceller, True)
    return await _over(agent, stream, state)


def _turn_of(chat: StreamChat, state: AgentState) -> TurnBegun:
    before = NO_TRACE if chat.cut is None else chat.cut.saved.trace
    return TurnBegun(state.config.id, state.config.name, chat.stream_id, chat.opening, chat.trace, before)


def _with_turn(state: AgentState, conversation: Conversation, stream: Stream) -> AgentState:
    """Return the state with the conversation after a turn. stream: the turn's, with all its events."""
    times = times_of(conversation[len(state.conversation) :], stream.joined_events)
    compaction = state.compaction if stream.turn is None else stream.turn.past.compaction
    account = state.account if stream.turn is None else state.account.after(stream.turn.past.charges)
    times = state.times + times
    return replace(state, conversation=conversation, times=times, compaction=compaction, account=account)


async def _over(agent: Pid, stream: Stream, state: AgentState) -> AgentState:
    """Report the durable end of a stream, keep the stream for a while, and begin the next turn."""
    report_end(state.config.id, stream)
    return await begin_next(agent, _kept(agent, stream, state))


async def begin_next(agent: Pid, state: AgentState) -> AgentState:
    """Begin the turn that has waited longest. If no turn waits, set the idle timer."""
    if not state.queue:
        if state.keeping.idle_s is not None:
            state = _remind(agent, state.keeping.idle_s, Idle(state.turns), state)
        return state
    following, *rest = state.queue
    return await begin(agent, following, replace(state, queue=tuple(rest)))


def _stream(agent: Pid, chat: StreamChat, state: AgentState) -> Stream:
    own = () if chat.subscriber is None else (chat.subscriber,)
    subscribers = (*state.subscribers, *own, *chat.followers)
    stream = _stream_of(agent, chat, state, subscribers)
    stream.account = state.account
    return stream


def _stream_of(agent: Pid, chat: StreamChat, state: AgentState, subscribers: tuple[Pid, ...]) -> Stream:
    if chat.recorder is None:
        stream_type = DebugStream if state.debug else Stream
        return stream_type(chat.stream_id, agent, subscribers, buffer_size=state.buffer_size)
    if state.announcer is not None:
        chat.recorder.announce = state.announcer.deliveries
    kept_type = DebugKeptStream if state.debug else KeptStream
    return kept_type(
        chat.stream_id,
        agent,
        subscribers,
        chat.recorder,
        buffer_size=state.buffer_size,
        before=state.conversation,
        ahead=state.keeping.ahead,
        cut=chat.cut,
        owner=state.config.owner,
    )


def _kept(agent: Pid, stream: Stream, state: AgentState) -> AgentState:
    if not state.recent:
        state = _remind(agent, KEPT_S, Forget(), state)
    return _keeping(agent, with_ended(state.recent, stream, now_s()), state)


def forgotten(agent: Pid, state: AgentState) -> AgentState:
    recent = without_old(state.recent, now_s())
    if recent:
        state = _remind(agent, recent[0].ended_s + KEPT_S - now_s(), Forget(), state)
    return _keeping(agent, recent, state)


def _keeping(agent: Pid, recent: Recent, state: AgentState) -> AgentState:
    for dropped in state.recent:
        if dropped not in recent:
            for stream_id in (dropped.stream.id, *dropped.stream.steered_by):
                has_no_stream(agent, stream_id)
    return replace(state, recent=recent)


def _remind(agent: Pid, delay_s: float, message: Forget | Idle, state: AgentState) -> AgentState:
    """Set a timer in place of an earlier one for the same reminder.

    With send_after, an agent that ends would leave a dead letter.
    """
    if (earlier := state.timers.get(type(message))) is not None:
        earlier.cancel()
    timer = asyncio.get_running_loop().call_later(delay_s, _send_reminder, agent, message)
    return replace(state, timers={**state.timers, type(message): timer})


def stopping(running: Running, fault: Fault) -> Running:
    """Stop the turn. fault: the end of its stream, unless the stream ends first, or has another fault already."""
    if running.fault is not None:
        return running
    send_exit(running.handler, Shutdown("turn stopped"))
    return replace(running, fault=fault)


def _why_not_resumed(cut: Cut, state: AgentState) -> Fault | None:
    if cut.abandoned:
        return Interrupted()
    if cut.parked:
        return None
    if cut.takeovers > state.keeping.max_takeovers * SUSPECTED:
        log.warning("turn_not_taken_over", agent_id=state.config.id, stream_id=cut.stream_id, takeovers=cut.takeovers)
        return Interrupted()
    if cut.recoveries > state.keeping.max_recoveries:
        log.warning("turn_parked", agent_id=state.config.id, stream_id=cut.stream_id, recoveries=cut.recoveries - 1)
        return Parked(cut.recoveries - 1)
    return Interrupted() if cut.begun and state.keeping.on_restart is OnRestart.INTERRUPT else None


def _send_reminder(agent: Pid, message: Forget | Idle) -> None:
    if agent.alive:
        send(agent, message)
