"""An agent: a process that owns one conversation and answers one message at a time.

Source: API reference, "Module: agent_instance". It starts a stream handler for each turn, is linked to it, and stays
responsive: it queues, subscribes and cancels while the turn runs. When a handler dies, for whatever cause, it sends the
stream's one terminal event.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

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
from agents.agent_config import InvalidAgentConfig, agent_config
from agents.agent_registry import find_agent, name_of
from agents.agent_state import AgentState, Running, StreamChat
from agents.core.conversation import Conversation, UserMessage
from agents.core.errors import Cancelled, HandlerCrashed
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
    """Answered, when the turn's connection is closed and its workers are gone, with whether a turn ran."""


class GetConversation(Struct, frozen=True):
    """Answered with the conversation; of a running turn, without what it has said so far."""


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
                return NoReply(replace(state, queue=(*state.queue, message)))
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

    def handle_call(
        self, request: Cancel | Follow | GetConversation, caller: Caller, state: AgentState
    ) -> Outcome[AgentState]:
        match request:
            case Follow(stream_id, subscriber, after):
                return Reply(*followed(state, stream_id, subscriber, after))
            case GetConversation():
                return Reply(state.conversation, state)
            case Cancel() if state.running is None:
                return Reply(False, state)
            case Cancel():
                send_exit(state.running.handler, Shutdown("cancelled"))
                cancellers = (*state.running.cancellers, caller)
                return NoReply(replace(state, running=replace(state.running, cancelled=True, cancellers=cancellers)))

    async def terminate(self, reason: Any, state: AgentState) -> None:
        """End the running turn and those that wait: each of their streams gets its terminal event."""
        stopped = HandlerCrashed(f"its agent ended: {_words(reason)}")
        if state.running is not None:
            send_exit(state.running.handler, Shutdown("agent ended"))
            await ended(state.running.handler)
            state.running.stream.fail(Cancelled() if state.running.cancelled else stopped, _now_s())
            report_end(state.config.id, state.running.stream)
        for waiting in state.queue:
            self._stream(waiting, state).fail(stopped, _now_s())

    # Turns

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
        asyncio.get_running_loop().call_later(delay_s, _forget, self.pid)


def _forget(agent: Pid) -> None:
    if agent.alive:
        send(agent, Forget())


def _words(reason: object) -> str:
    """An exit reason for the subscriber: of a crash the exception's type only, for its text may hold secrets."""
    return f"crash: {type(reason.exception).__name__}" if isinstance(reason, Crash) else repr(reason)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
