"""An agent: a process that owns one conversation and answers one message at a time.

Source: API reference, "Module: agent_instance". It starts a stream handler for each turn, is linked to it, and stays
responsive: it queues, subscribes and cancels while the turn runs. When a handler dies, for whatever cause, it sends the
stream's one terminal event.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from actors import (
    NORMAL,
    Caller,
    Crash,
    Exit,
    GenServer,
    NoReply,
    Outcome,
    Pid,
    ProcessError,
    Ready,
    Reply,
    Shutdown,
    Stop,
    ended,
    link,
    register,
    reply,
    send,
)
from actors import exit as send_exit
from actors.server.outcomes import Next
from agents.agent_config import InvalidAgentConfig, agent_config
from agents.agent_info import info_of
from agents.agent_registry import find_agent, has_no_stream, has_stream, name_of
from agents.agent_requests import (
    Approve,
    Cancel,
    Deny,
    Follow,
    GetConversation,
    GetInfo,
    Request,
    Steer,
    Subscribe,
    Unsubscribe,
)
from agents.agent_settings import WhenBusy
from agents.agent_state import AgentState, Keeping, Running, StreamChat
from agents.core.conversation import Conversation, UserMessage
from agents.core.errors import Busy, Cancelled, Fault, HandlerCrashed
from agents.debug_stream import DebugKeptStream, DebugStream
from agents.kept_stream import KeptStream, Lost
from agents.llm.endpoint import Api
from agents.recent_streams import KEPT_S, Recent, with_ended, without_old
from agents.session import Cut, open_session, recorder_of, turn_name
from agents.sessions import SessionError
from agents.settings import OnRestart, Settings
from agents.stream import Stream
from agents.stream_report import report_end
from agents.streaming_function_handler import (
    StreamHandler,
    TurnResult,
    handle_chat_api_stream,
    handle_responses_api_stream,
    interrupt_stream,
    resume_stream,
)
from agents.subscriptions import followed, known, subscribed, unsubscribed
from agents.tools.approval import Answer, NotAsked
from agents.tools.executor import Calls
from supervisors import AlreadyStarted, ChildSpec, RestartType
from supervisors.dynamic_supervisor import start_child

STREAM_SUPERVISOR: Final = "stream_supervisor"
HANDLER: Final = ChildSpec("handler", StreamHandler, restart=RestartType.TEMPORARY)
"""The template of the stream supervisor's children."""


GO_ON: Final = "go on"

Answering: TypeAlias = Callable[[str, Stream, AgentState], Awaitable[TurnResult]]


class Forget(Struct, frozen=True):
    """Drop the streams that ended long enough ago."""


class Idle(Struct, frozen=True):
    """Nothing has happened since so many turns: the process may end, if its session is kept."""

    turns: int


async def process_streaming_chat(message: str, stream_pid: Pid | Stream, state: AgentState) -> TurnResult:
    """Answer a user message over the API that the agent prefers, its events to stream_pid."""
    messages = (*state.conversation, UserMessage(message))
    if state.config.api is Api.RESPONSES:
        return await handle_streaming_response_events(stream_pid, messages, state)
    return await handle_streaming_response(stream_pid, messages, state)


async def resume_streaming_chat(cut: Cut, message: str, stream: Stream, state: AgentState) -> TurnResult:
    """Go on with the answer to a message, where a crash cut it."""
    return await resume_stream(cut.saved, cut.log, stream, state)


async def handle_streaming_response(stream_pid: Pid | Stream, messages: Conversation, state: AgentState) -> TurnResult:
    """A turn over the Chat API, tools included."""
    return await handle_chat_api_stream(stream_pid, messages, state)


async def handle_streaming_response_events(
    stream_pid: Pid | Stream, input_: Conversation, state: AgentState
) -> TurnResult:
    """A turn over the Responses API, tools included."""
    return await handle_responses_api_stream(stream_pid, input_, state)


class AgentInstance(GenServer[AgentState]):
    """Started by agent_supervisor.start_agent with its configuration; settings come from the application.

    Refuses a bad configuration with InvalidAgentConfig, and an id that is in use with AlreadyStarted.
    """

    trap_exit = True
    eager = True

    async def init(self, settings: Settings, config: Mapping[str, Any]) -> Ready[AgentState] | Stop[None]:
        try:
            checked = agent_config(config, settings)
        except InvalidAgentConfig as invalid:
            return Stop(invalid, None)
        if (other := find_agent(checked.id)) is not None:
            return Stop(AlreadyStarted(other), None)
        register(name_of(checked.id), self.pid)
        self._reminders: dict[type[Forget | Idle], asyncio.TimerHandle] = {}
        keeping, streaming = Keeping.by(settings.sessions), settings.streaming
        try:
            conversation, cuts = await open_session(checked, config, keeping.ahead)
        except SessionError as failed:
            return Stop(failed, None)
        queue = tuple(StreamChat(cut.message, None, cut.stream_id, recorder=cut.recorder, cut=cut) for cut in cuts)
        state = AgentState(
            checked,
            conversation,
            queue=queue,
            buffer_size=streaming.buffer_size,
            debug=streaming.debug_streaming,
            keeping=keeping,
        )
        return Ready(state, GO_ON)

    async def handle_continue(self, term: Any, state: AgentState) -> NoReply[AgentState]:
        """After the start: the turns that were cut come first."""
        for chat in state.queue:
            has_stream(self.pid, chat.stream_id)
        return NoReply(await self._next(state))

    async def handle_info(self, message: Any, state: AgentState) -> Next[AgentState]:
        match message:
            case StreamChat(_, subscriber, stream_id) if known(state, stream_id):  # asked again: the answer was lost
                return NoReply(state if subscriber is None else followed(state, stream_id, subscriber, after=0)[1])
            case StreamChat() if state.running is not None:
                return NoReply(await self._while_busy(message, state.running, state))
            case StreamChat():
                return NoReply(await self._begin(await _taken_down(message, state), state))
            case Exit(pid, reason) if state.running is not None and pid is state.running.handler:
                return NoReply(await self._handler_ended(state.running, reason, state))
            case Subscribe(subscriber):
                return NoReply(subscribed(state, subscriber))
            case Unsubscribe(subscriber):
                return NoReply(unsubscribed(state, subscriber))
            case Forget():
                return NoReply(self._forgotten(state))
            case Lost(stream_id, fault) if state.running is not None and state.running.stream.id == stream_id:
                return NoReply(replace(state, running=_given_up(state.running, fault)))
            case Idle(turns) if turns == state.turns and state.running is None:
                return Stop(NORMAL, state)
        return NoReply(state)

    def handle_call(self, request: Request, caller: Caller, state: AgentState) -> Outcome[AgentState]:
        running = state.running
        match request:
            case Follow(stream_id, subscriber, after):
                return Reply(*followed(state, stream_id, subscriber, after))
            case GetInfo():
                return Reply(info_of(state), state)
            case GetConversation():
                return Reply(state.conversation, state)
            case Steer(message, stream_id):
                stream = _meant(running, stream_id)
                return Reply(stream is not None and stream.steer(message, _now_s()), state)
            case Approve(call_id, stream_id=stream_id) | Deny(call_id, stream_id=stream_id):
                stream = _meant(running, stream_id)
                calls = stream.calls if stream is not None else None
                return Reply(NotAsked(call_id) if calls is None else _decided(calls, request), state)
            case Cancel(stream_id) if running is not None and stream_id in (None, running.stream.id):
                given_up = _given_up(running, Cancelled())
                cancelled = replace(given_up, cancellers=(*running.cancellers, caller))
                return NoReply(replace(state, running=cancelled))
            case Cancel(stream_id):
                chosen = tuple(chat for chat in state.queue if chat.stream_id == stream_id)
                for chat in chosen:
                    self._refuse(chat, Cancelled(), state)
                waiting = tuple(chat for chat in state.queue if chat not in chosen)
                return Reply(bool(chosen), replace(state, queue=waiting))

    async def terminate(self, reason: Any, state: AgentState) -> None:
        """End the running turn and those that wait: each of their streams gets its terminal event."""
        for reminder in self._reminders.values():
            reminder.cancel()
        stopped = HandlerCrashed(f"its agent ended: {_words(reason)}")
        if (running := state.running) is not None:
            send_exit(running.handler, Shutdown("agent ended"))
            await ended(running.handler)
            running.stream.fail(running.fault or stopped, _now_s())
            await running.stream.durable()
            report_end(state.config.id, running.stream)
        for waiting in state.queue:
            self._refuse(waiting, stopped, state)

    # Turns

    async def _while_busy(self, chat: StreamChat, running: Running, state: AgentState) -> AgentState:
        """A message that comes while a turn runs, by the agent's policy."""
        match state.config.when_busy:
            case WhenBusy.STEER if running.stream.steer(chat.message, _now_s()):
                if chat.subscriber is not None:
                    running.stream.follow(chat.subscriber, after=0)
                return state
            case WhenBusy.REJECT:
                self._refuse(chat, Busy("a turn runs"), state)
                return state
            case _ if len(state.queue) >= state.config.max_queue:
                self._refuse(chat, Busy(f"{len(state.queue)} messages wait, which is max_queue"), state)
                return state
            case WhenBusy.INTERRUPT:
                state = replace(state, running=_given_up(running, Cancelled()))
        has_stream(self.pid, chat.stream_id)
        return replace(state, queue=(*state.queue, await _taken_down(chat, state)))

    def _refuse(self, chat: StreamChat, fault: Fault, state: AgentState) -> None:
        """End a stream that never began."""
        has_no_stream(self.pid, chat.stream_id)
        stream = self._stream(chat, state)
        stream.fail(fault, _now_s())
        report_end(state.config.id, stream)

    async def _begin(self, chat: StreamChat, state: AgentState) -> AgentState:
        has_stream(self.pid, chat.stream_id)
        stream = self._stream(chat, state)
        answer: Answering = process_streaming_chat
        if (cut := chat.cut) is not None and cut.begun:
            if state.keeping.on_restart is OnRestart.INTERRUPT:
                return await self._interrupted(chat, cut, stream, state)
            answer = partial(resume_streaming_chat, cut)
        handler = await start_child(STREAM_SUPERVISOR, answer, chat.message, stream, state)
        link(handler)
        with suppress(ProcessError):  # it has ended: its Exit is on the way
            register(turn_name(state.config.id), handler)
        return replace(state, running=Running(chat, stream, handler), turns=state.turns + 1)

    async def _interrupted(self, chat: StreamChat, cut: Cut, stream: Stream, state: AgentState) -> AgentState:
        """End a turn that was cut."""
        conversation = interrupt_stream(cut.saved, cut.log, stream, state)
        return await self._over(stream, replace(state, conversation=conversation))

    async def _handler_ended(self, running: Running, reason: Any, state: AgentState) -> AgentState:
        """The turn is over: with its own terminal event, or with ours if the handler was cancelled or fell."""
        stream = running.stream
        stream.fail(running.fault or HandlerCrashed(_words(reason)), _now_s())
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
        return await self._next(self._kept(stream, state))

    async def _next(self, state: AgentState) -> AgentState:
        if not state.queue:
            if state.keeping.idle_s is not None:
                self._remind(state.keeping.idle_s, Idle(state.turns))
            return state
        following, *rest = state.queue
        return await self._begin(following, replace(state, queue=tuple(rest)))

    def _stream(self, chat: StreamChat, state: AgentState) -> Stream:
        own = () if chat.subscriber is None else (chat.subscriber,)
        subscribers = (*state.subscribers, *own, *chat.followers)
        if chat.recorder is None:
            stream_type = DebugStream if state.debug else Stream
            return stream_type(chat.stream_id, self.pid, subscribers, buffer_size=state.buffer_size)
        kept_type = DebugKeptStream if state.debug else KeptStream
        return kept_type(
            chat.stream_id,
            self.pid,
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
        return self._keeping(with_ended(state.recent, stream, _now_s()), state)

    def _forgotten(self, state: AgentState) -> AgentState:
        recent = without_old(state.recent, _now_s())
        if recent:
            self._remind(recent[0].ended_s + KEPT_S - _now_s(), Forget())
        return self._keeping(recent, state)

    def _keeping(self, recent: Recent, state: AgentState) -> AgentState:
        for dropped in state.recent:
            if dropped not in recent:
                has_no_stream(self.pid, dropped.stream.id)
        return replace(state, recent=recent)

    def _remind(self, delay_s: float, message: Forget | Idle) -> None:
        """Not by send_after: the reminder of an agent that has ended would be a dead letter."""
        if (earlier := self._reminders.pop(type(message), None)) is not None:
            earlier.cancel()
        timer = asyncio.get_running_loop().call_later(delay_s, _remind, self.pid, message)
        self._reminders[type(message)] = timer


def _meant(running: Running | None, stream_id: str | None) -> Stream | None:
    """The stream that runs, if it is the one that was meant."""
    return running.stream if running is not None and stream_id in (None, running.stream.id) else None


def _decided(calls: Calls, request: Approve | Deny) -> Answer:
    if isinstance(request, Approve):
        return calls.approve(request.call_id, request.arguments)
    return calls.deny(request.call_id, request.reason)


def _given_up(running: Running, fault: Fault) -> Running:
    """End the turn; fault: what its stream ends with, unless it ends by itself, or for another one, before."""
    if running.fault is not None:
        return running
    send_exit(running.handler, Shutdown("given up"))
    return replace(running, fault=fault)


async def _taken_down(chat: StreamChat, state: AgentState) -> StreamChat:
    """The message on its way to disk, where sessions are kept."""
    if chat.recorder is not None:
        return chat
    return replace(chat, recorder=await recorder_of(state.config.id, chat.stream_id, chat.message))


def _remind(agent: Pid, message: Forget | Idle) -> None:
    if agent.alive:
        send(agent, message)


def _words(reason: object) -> str:
    """An exit reason for the subscriber: of a crash the exception's type only, for its text may hold secrets."""
    return f"crash: {type(reason.exception).__name__}" if isinstance(reason, Crash) else repr(reason)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
