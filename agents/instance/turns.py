"""How an agent takes its messages, one after the other: steps of its state that begin, end and keep streams."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from actors import SHUTDOWN, Crash, Pid, ProcessError, Shutdown, ended, link, register, reply, send
from actors import exit as send_exit
from actors.clock import now_s
from actors.log import get_logger
from agents.agent_registry import has_no_stream, has_stream
from agents.core.conversation import UserMessage
from agents.core.errors import Busy, Cancelled, Fault, HandlerCrashed, Interrupted, Parked
from agents.instance.requests import Full
from agents.instance.state import AgentState, Running, StreamChat
from agents.instance.subscriptions import known
from agents.instance.waking import Cut, recorder_of, turn_name
from agents.settings import OnRestart
from agents.settings.agent import WhenBusy
from agents.streaming_function_handler import StreamHandler, TurnResult, interrupt_stream, resume_stream
from agents.streams.debug import DebugKeptStream, DebugStream
from agents.streams.kept import KeptStream
from agents.streams.recent import KEPT_S, Recent, with_ended, without_old
from agents.streams.report import report_end
from agents.streams.stream import Stream
from supervisors import ChildSpec, RestartType
from supervisors.dynamic_supervisor import start_child

log = get_logger("understudy.agents")

STREAM_SUPERVISOR: Final = "stream_supervisor"
HANDLER: Final = ChildSpec("handler", StreamHandler, restart=RestartType.TEMPORARY)
"""The template of the stream supervisor's children."""

Answering: TypeAlias = Callable[[str, Stream, AgentState], Awaitable[TurnResult]]


class Forget(Struct, frozen=True):
    """Drop the streams that ended long enough ago."""


class Idle(Struct, frozen=True):
    """Nothing has happened since so many turns: the process may end, if its session is kept and nobody misses it."""

    turns: int


class AgentTurns:
    """Of one agent. answer: what carries out a turn."""

    def __init__(self, agent: Pid, answer: Answering) -> None:
        self._agent, self._answer = agent, answer
        self._reminders: dict[type[Forget | Idle], asyncio.TimerHandle] = {}

    async def while_busy(self, chat: StreamChat, running: Running, state: AgentState) -> AgentState:
        """A message that comes while a turn runs, by the agent's policy."""
        match state.config.when_busy:
            case WhenBusy.STEER if steered(running, chat.message, state) is True:
                if chat.subscriber is not None:
                    running.stream.follow(chat.subscriber, after=0)
                running.stream.steered_by += (chat.stream_id,)
                has_stream(self._agent, chat.stream_id)
                return state
            case WhenBusy.REJECT:
                self.refuse(chat, Busy("a turn runs"), state)
                return state
            case _ if len(state.queue) >= state.config.max_queue:
                self.refuse(chat, Busy(f"{len(state.queue)} messages wait, which is max_queue"), state)
                return state
            case WhenBusy.INTERRUPT:
                state = replace(state, running=given_up(running, Cancelled()))
        has_stream(self._agent, chat.stream_id)
        return replace(state, queue=(*state.queue, await taken_down(chat, state)))

    def refuse(self, chat: StreamChat, fault: Fault, state: AgentState) -> None:
        """End a stream that never began."""
        has_no_stream(self._agent, chat.stream_id)
        stream = self._stream(chat, state)
        stream.fail(fault, now_s())
        report_end(state.config.id, stream)

    async def begin(self, chat: StreamChat, state: AgentState) -> AgentState:
        has_stream(self._agent, chat.stream_id)
        stream = self._stream(chat, state)
        answer = self._answer
        if (cut := chat.cut) is not None:
            if (fault := _why_not_resumed(cut, state)) is not None:
                return await self._interrupted(cut, fault, stream, state)
            if cut.begun:
                answer = partial(_resume, cut)
        handler = await start_child(STREAM_SUPERVISOR, answer, chat.message, stream, state)
        link(handler)
        with suppress(ProcessError):  # it has ended: its Exit is on the way
            register(turn_name(state.config.id), handler)
        return replace(state, running=Running(chat, stream, handler), turns=state.turns + 1)

    async def _interrupted(self, cut: Cut, fault: Fault, stream: Stream, state: AgentState) -> AgentState:
        """End a turn that was cut."""
        conversation = interrupt_stream(cut.saved, cut.log, fault, stream, state)
        return await self._over(stream, replace(state, conversation=conversation))

    async def handler_ended(self, running: Running, reason: Any, state: AgentState) -> AgentState:
        """The turn is over: with its own terminal event, or with ours if the handler was cancelled or fell."""
        stream = running.stream
        stream.fail(running.fault or HandlerCrashed(_words(reason)), now_s())
        asked = (*state.conversation, UserMessage(running.chat.message))
        conversation = stream.turn.conversation if stream.turn is not None else asked
        state = replace(state, running=None, conversation=conversation)
        await stream.durable()
        for canceller in running.cancellers:
            reply(canceller, True)
        return await self._over(stream, state)

    async def _over(self, stream: Stream, state: AgentState) -> AgentState:
        """A stream has ended: keep it for a while, and go on with the next."""
        await stream.durable()
        report_end(state.config.id, stream)
        return await self.next(self._kept(stream, state))

    async def next(self, state: AgentState) -> AgentState:
        """Begin the turn that has waited longest; if none does, be idle."""
        if not state.queue:
            if state.keeping.idle_s is not None:
                self._remind(state.keeping.idle_s, Idle(state.turns))
            return state
        following, *rest = state.queue
        return await self.begin(following, replace(state, queue=tuple(rest)))

    def _stream(self, chat: StreamChat, state: AgentState) -> Stream:
        own = () if chat.subscriber is None else (chat.subscriber,)
        subscribers = (*state.subscribers, *own, *chat.followers)
        if chat.recorder is None:
            stream_type = DebugStream if state.debug else Stream
            return stream_type(chat.stream_id, self._agent, subscribers, buffer_size=state.buffer_size)
        kept_type = DebugKeptStream if state.debug else KeptStream
        return kept_type(
            chat.stream_id,
            self._agent,
            subscribers,
            chat.recorder,
            buffer_size=state.buffer_size,
            before=state.conversation,
            ahead=state.keeping.ahead,
            cut=chat.cut,
        )

    def _kept(self, stream: Stream, state: AgentState) -> AgentState:
        if not state.recent:
            self._remind(KEPT_S, Forget())
        return self._keeping(with_ended(state.recent, stream, now_s()), state)

    def forgotten(self, state: AgentState) -> AgentState:
        recent = without_old(state.recent, now_s())
        if recent:
            self._remind(recent[0].ended_s + KEPT_S - now_s(), Forget())
        return self._keeping(recent, state)

    def _keeping(self, recent: Recent, state: AgentState) -> AgentState:
        for dropped in state.recent:
            if dropped not in recent:
                for stream_id in (dropped.stream.id, *dropped.stream.steered_by):
                    has_no_stream(self._agent, stream_id)
        return replace(state, recent=recent)

    def _remind(self, delay_s: float, message: Forget | Idle) -> None:
        """Not by send_after: the reminder of an agent that has ended would be a dead letter."""
        if (earlier := self._reminders.pop(type(message), None)) is not None:
            earlier.cancel()
        timer = asyncio.get_running_loop().call_later(delay_s, _remind, self._agent, message)
        self._reminders[type(message)] = timer

    async def end(self, reason: Any, state: AgentState) -> None:
        """End the running turn, those that wait, and those of messages that were not read: each of their streams gets
        its terminal event."""
        for reminder in self._reminders.values():
            reminder.cancel()
        stopped = Interrupted() if reason == SHUTDOWN else HandlerCrashed(f"its agent ended: {_words(reason)}")
        if (running := state.running) is not None:
            send_exit(running.handler, Shutdown("agent ended"))
            await ended(running.handler)
            running.stream.fail(running.fault or stopped, now_s())
            await running.stream.durable()
            report_end(state.config.id, running.stream)
        for waiting in (*state.queue, *self._unread(state)):
            self.refuse(waiting, stopped, state)

    def _unread(self, state: AgentState) -> Iterator[StreamChat]:
        """Not those that come again by the id of a stream that there is."""
        process = self._agent.process
        for message, _ in process.mailbox if process is not None else ():
            if isinstance(message, StreamChat) and not known(state, message.stream_id):
                yield message


def steered(running: Running | None, message: str, state: AgentState) -> bool | Full:
    """Let the message join the turn that runs; False if none does, or none that goes on."""
    if running is None or not running.goes_on:
        return False
    if running.stream.steering >= state.config.max_steering:
        return Full(state.config.max_steering)
    return running.stream.steer(message, now_s())


def given_up(running: Running, fault: Fault) -> Running:
    """End the turn; fault: what its stream ends with, unless it ends by itself, or for another one, before."""
    if running.fault is not None:
        return running
    send_exit(running.handler, Shutdown("given up"))
    return replace(running, fault=fault)


async def taken_down(chat: StreamChat, state: AgentState) -> StreamChat:
    """The message on its way to disk, where sessions are kept."""
    if chat.recorder is not None:
        return chat
    return replace(chat, recorder=await recorder_of(state.config.id, chat.stream_id, chat.message))


def _why_not_resumed(cut: Cut, state: AgentState) -> Fault | None:
    if cut.recoveries > state.keeping.max_recoveries:
        log.warning("turn_parked", agent_id=state.config.id, stream_id=cut.stream_id, recoveries=cut.recoveries - 1)
        return Parked(cut.recoveries - 1)
    return Interrupted() if cut.begun and state.keeping.on_restart is OnRestart.INTERRUPT else None


async def _resume(cut: Cut, message: str, stream: Stream, state: AgentState) -> TurnResult:
    """Go on with the answer to a message, where a crash cut it."""
    return await resume_stream(cut.saved, cut.log, stream, state)


def _remind(agent: Pid, message: Forget | Idle) -> None:
    if agent.alive:
        send(agent, message)


def _words(reason: object) -> str:
    """An exit reason for the subscriber: of a crash the exception's type only, for its text may hold secrets."""
    return f"crash: {type(reason.exception).__name__}" if isinstance(reason, Crash) else repr(reason)
