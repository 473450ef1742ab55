"""An agent: a process that owns one conversation and answers one message at a time.

Source: API reference, "Module: agent_instance". It starts a stream handler for each turn, is linked to it, and stays
responsive: it queues, subscribes and cancels while the turn runs. When a handler dies, for whatever cause, it sends the
stream's one terminal event.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from actors import (
    Caller,
    Crash,
    Exit,
    GenServer,
    NoReply,
    Outcome,
    Pid,
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
from agents.agent_config import InvalidAgentConfig, WhenBusy, agent_config
from agents.agent_registry import find_agent, name_of
from agents.agent_state import AgentState, Running, StreamChat
from agents.core.conversation import Conversation, UserMessage
from agents.core.errors import Busy, Cancelled, Fault, HandlerCrashed
from agents.llm.endpoint import Api
from agents.recent_streams import KEPT_S, with_ended, without_old
from agents.settings import Settings
from agents.stream import Stream
from agents.stream_report import report_end
from agents.streaming_function_handler import (
    StreamHandler,
    TurnResult,
    handle_chat_api_stream,
    handle_responses_api_stream,
)
from agents.subscriptions import followed, subscribed, unsubscribed
from agents.tools.approval import Answer, NotAsked
from agents.tools.executor import Calls
from supervisors import AlreadyStarted, ChildSpec, RestartType
from supervisors.dynamic_supervisor import start_child

STREAM_SUPERVISOR: Final = "stream_supervisor"
HANDLER: Final = ChildSpec("handler", StreamHandler, restart=RestartType.TEMPORARY)
"""The template of the stream supervisor's children."""


class Subscribe(Struct, frozen=True):
    """From now on the subscriber gets the events of all streams, of a running one from its next event."""

    subscriber: Pid


class Unsubscribe(Struct, frozen=True):
    subscriber: Pid


class Follow(Struct, frozen=True):
    """Answered with whether there is such a stream: one that waits, runs or has ended not long ago."""

    stream_id: str
    subscriber: Pid
    after: int


class Forget(Struct, frozen=True):
    """Drop the streams that ended long enough ago."""


class Cancel(Struct, frozen=True):
    """Answered, when the turn's connection is closed and its workers are gone, with whether there was such a turn.

    stream_id: of the turn, which may still wait; None: the one that runs.
    """

    stream_id: str | None = None


class Steer(Struct, frozen=True):
    """The message joins the running turn's next model call. Answered with whether a turn ran."""

    message: str


class Approve(Struct, frozen=True):
    """Answered with an approval.Answer. arguments: exactly those that were asked for; None: whatever they are."""

    call_id: str
    arguments: str | None = None


class Deny(Struct, frozen=True):
    """Answered with an approval.Answer. reason: for the model."""

    call_id: str
    reason: str = ""


class GetConversation(Struct, frozen=True):
    """Answered with the conversation; of a running turn, without what it has said so far."""


Request: TypeAlias = Cancel | Steer | Approve | Deny | Follow | GetConversation


async def process_streaming_chat(message: str, stream_pid: Pid | Stream, state: AgentState) -> TurnResult:
    """Answer a user message over the API that the agent prefers, its events to stream_pid."""
    messages = (*state.conversation, UserMessage(message))
    if state.config.api is Api.RESPONSES:
        return await handle_streaming_response_events(stream_pid, messages, state)
    return await handle_streaming_response(stream_pid, messages, state)


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
    _reminder: asyncio.TimerHandle | None = None

    def init(self, settings: Settings, config: Mapping[str, Any]) -> AgentState | Stop[None]:
        try:
            checked = agent_config(config, settings)
        except InvalidAgentConfig as invalid:
            return Stop(invalid, None)
        if (other := find_agent(checked.id)) is not None:
            return Stop(AlreadyStarted(other), None)
        register(name_of(checked.id), self.pid)
        return AgentState(checked, checked.opening(), buffer_size=settings.streaming.buffer_size)

    async def handle_info(self, message: Any, state: AgentState) -> NoReply[AgentState]:
        match message:
            case StreamChat() if state.running is not None:
                return NoReply(self._while_busy(message, state.running, state))
            case StreamChat():
                return NoReply(await self._begin(message, state))
            case Exit(pid, reason) if state.running is not None and pid is state.running.handler:
                return NoReply(await self._handler_ended(state.running, reason, state))
            case Subscribe(subscriber):
                return NoReply(subscribed(state, subscriber))
            case Unsubscribe(subscriber):
                return NoReply(unsubscribed(state, subscriber))
            case Forget():
                return NoReply(self._forgotten(state))
        return NoReply(state)

    def handle_call(self, request: Request, caller: Caller, state: AgentState) -> Outcome[AgentState]:
        running = state.running
        match request:
            case Follow(stream_id, subscriber, after):
                return Reply(*followed(state, stream_id, subscriber, after))
            case GetConversation():
                return Reply(state.conversation, state)
            case Steer(message):
                return Reply(running is not None and running.stream.steer(message, _now_s()), state)
            case Approve(call_id) | Deny(call_id):
                calls = running.stream.calls if running is not None else None
                return Reply(NotAsked(call_id) if calls is None else _decided(calls, request), state)
            case Cancel(stream_id) if running is not None and stream_id in (None, running.stream.id):
                cancelled = replace(_interrupted(running), cancellers=(*running.cancellers, caller))
                return NoReply(replace(state, running=cancelled))
            case Cancel(stream_id):
                chosen = tuple(chat for chat in state.queue if chat.stream_id == stream_id)
                for chat in chosen:
                    self._refuse(chat, Cancelled(), state)
                waiting = tuple(chat for chat in state.queue if chat not in chosen)
                return Reply(bool(chosen), replace(state, queue=waiting))

    async def terminate(self, reason: Any, state: AgentState) -> None:
        """End the running turn and those that wait: each of their streams gets its terminal event."""
        if self._reminder is not None:
            self._reminder.cancel()
        stopped = HandlerCrashed(f"its agent ended: {_words(reason)}")
        if state.running is not None:
            send_exit(state.running.handler, Shutdown("agent ended"))
            await ended(state.running.handler)
            state.running.stream.fail(Cancelled() if state.running.cancelled else stopped, _now_s())
            report_end(state.config.id, state.running.stream)
        for waiting in state.queue:
            self._refuse(waiting, stopped, state)

    # Turns

    def _while_busy(self, chat: StreamChat, running: Running, state: AgentState) -> AgentState:
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
                state = replace(state, running=_interrupted(running))
        return replace(state, queue=(*state.queue, chat))

    def _refuse(self, chat: StreamChat, fault: Fault, state: AgentState) -> None:
        """End a stream that never began."""
        stream = self._stream(chat, state)
        stream.fail(fault, _now_s())
        report_end(state.config.id, stream)

    async def _begin(self, chat: StreamChat, state: AgentState) -> AgentState:
        stream = self._stream(chat, state)
        handler = await start_child(STREAM_SUPERVISOR, process_streaming_chat, chat.message, stream, state)
        link(handler)
        return replace(state, running=Running(chat, stream, handler))

    async def _handler_ended(self, running: Running, reason: Any, state: AgentState) -> AgentState:
        """The turn is over: with its own terminal event, or with ours if the handler was cancelled or fell."""
        stream = running.stream
        stream.fail(Cancelled() if running.cancelled else HandlerCrashed(_words(reason)), _now_s())
        report_end(state.config.id, stream)
        for canceller in running.cancellers:
            reply(canceller, True)
        asked = (*state.conversation, UserMessage(running.chat.message))
        conversation = stream.turn.conversation if stream.turn is not None else asked
        state = replace(self._kept(stream, state), running=None, conversation=conversation)
        if not state.queue:
            return state
        following, *rest = state.queue
        return await self._begin(following, replace(state, queue=tuple(rest)))

    def _stream(self, chat: StreamChat, state: AgentState) -> Stream:
        own = () if chat.subscriber is None else (chat.subscriber,)
        subscribers = (*state.subscribers, *own, *chat.followers)
        return Stream(chat.stream_id, self.pid, subscribers, buffer_size=state.buffer_size)

    def _kept(self, stream: Stream, state: AgentState) -> AgentState:
        if not state.recent:
            self._remind(KEPT_S)
        return replace(state, recent=with_ended(state.recent, stream, _now_s()))

    def _forgotten(self, state: AgentState) -> AgentState:
        recent = without_old(state.recent, _now_s())
        if recent:
            self._remind(recent[0].ended_s + KEPT_S - _now_s())
        return replace(state, recent=recent)

    def _remind(self, delay_s: float) -> None:
        """Not by send_after: the reminder of an agent that has ended would be a dead letter."""
        self._reminder = asyncio.get_running_loop().call_later(delay_s, _forget, self.pid)


def _decided(calls: Calls, request: Approve | Deny) -> Answer:
    if isinstance(request, Approve):
        return calls.approve(request.call_id, request.arguments)
    return calls.deny(request.call_id, request.reason)


def _interrupted(running: Running) -> Running:
    if not running.cancelled:
        send_exit(running.handler, Shutdown("cancelled"))
    return replace(running, cancelled=True)


def _forget(agent: Pid) -> None:
    if agent.alive:
        send(agent, Forget())


def _words(reason: object) -> str:
    """An exit reason for the subscriber: of a crash the exception's type only, for its text may hold secrets."""
    return f"crash: {type(reason.exception).__name__}" if isinstance(reason, Crash) else repr(reason)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
