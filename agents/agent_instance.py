"""An agent: a process that owns one conversation and answers one message at a time.

Source: API reference, "Module: agent_instance". An agent starts a stream handler for each turn, is linked to it, and
stays responsive: it queues, subscribes and cancels while the turn runs. When a handler dies for any reason, the agent
sends the stream's one terminal event.
"""

from collections.abc import Awaitable, Mapping
from typing import Any, Final

from msgspec.structs import replace

from actors import (
    IGNORE,
    NORMAL,
    Caller,
    Error,
    Exit,
    GenServer,
    NoReply,
    Outcome,
    Pid,
    Ready,
    Reply,
    Stop,
    register,
)
from actors.kernel.signals import orderly
from actors.log import get_logger
from actors.server.outcomes import Ignore, Next
from agents.agent_config import InvalidAgentConfig
from agents.agent_registry import belongs_to, expect, expect_no_more, find_agent, has_begun, has_stream, name_of
from agents.core.conversation import Conversation, UserMessage
from agents.core.errors import Cancelled
from agents.core.parts import Content
from agents.instance import turns
from agents.instance.deciding import decided, settle
from agents.instance.elsewhere import already_elsewhere
from agents.instance.ending import cancel_waiting, end_agent, hand_over, send_on
from agents.instance.info import history_of, info_of
from agents.instance.long_wait import LongWait
from agents.instance.messages import keep_and_steer, part_of, steer
from agents.instance.parking import long_wait, returned
from agents.instance.requests import (
    AgentRequest,
    AnswerQuestion,
    Approve,
    Cancel,
    Deny,
    Follow,
    GetConversation,
    GetEvents,
    GetHistory,
    GetInfo,
    GetPart,
    HandOver,
    Retire,
    Settle,
    Steer,
    Subscribe,
    Unsubscribe,
)
from agents.instance.servers import with_servers
from agents.instance.start_values import account_of, announcer_of, checked_config, keeping_of, parts_of, tracer_of
from agents.instance.state import AgentState, StreamChat
from agents.instance.sub_agents import with_sub_agents
from agents.instance.subscriptions import events_of, followed, is_followed, known, subscribed, unsubscribed
from agents.instance.turns import Forget, Idle, stopping
from agents.instance.waking import Origin, open_session
from agents.llm.endpoint import Api
from agents.sessions import Elsewhere, SessionError, UnknownSession
from agents.settings import Settings
from agents.streaming_function_handler import (
    TurnResult,
    handle_chat_api_stream,
    handle_responses_api_stream,
)
from agents.streams.kept import StreamLost
from agents.streams.stream import Stream
from agents.sub_agents.parent_call import ParentCall
from supervisors import AlreadyStarted, ChildSpec, RestartType

log = get_logger("understudy.agents")

BEGIN: Final = "begin"


async def process_streaming_chat(message: Content, stream_pid: Pid | Stream, state: AgentState) -> TurnResult:
    """Answer a user message over the agent's preferred API, and send the events to stream_pid."""
    messages = (*state.conversation, UserMessage(message))
    if state.config.api is Api.RESPONSES:
        return await handle_streaming_response_events(stream_pid, messages, state)
    return await handle_streaming_response(stream_pid, messages, state)


async def handle_streaming_response(stream_pid: Pid | Stream, messages: Conversation, state: AgentState) -> TurnResult:
    """Run a turn over the Chat API, tools included."""
    return await handle_chat_api_stream(stream_pid, messages, state)


async def handle_streaming_response_events(
    stream_pid: Pid | Stream, input_: Conversation, state: AgentState
) -> TurnResult:
    """Run a turn over the Responses API, tools included."""
    return await handle_responses_api_stream(stream_pid, input_, state)


class AgentInstance(GenServer[AgentState]):
    """The process of an agent. agent_supervisor.start_agent starts it; settings come from the application.

    An invalid configuration is refused with InvalidAgentConfig, and an id in use with AlreadyStarted. An agent for a
    kept session that was deleted does not start, and its supervisor does not restart it.
    """

    trap_exit = True
    eager = True

    async def init(
        self,
        settings: Settings,
        config: Mapping[str, Any],
        origin: Origin = Origin.GIVEN,
        parent: ParentCall | None = None,
    ) -> Ready[AgentState] | Error | Ignore:
        try:
            checked = checked_config(config, settings, origin, parent)
        except InvalidAgentConfig as invalid:
            return Error(invalid)
        if (other := find_agent(checked.id)) is not None:
            return Error(AlreadyStarted(other, checked.id))
        register(name_of(checked.id), self.pid)
        has_begun(checked.id, self.pid)
        for lacking, setting in checked.unconfigured():
            log.warning("tool_not_configured", agent=checked.id, tool=lacking, setting=setting)
        keeping, streaming = keeping_of(config, settings, origin), settings.streaming
        checked = with_sub_agents(checked, settings, SUB_AGENT, kept=keeping.kept)
        checked = await with_servers(checked, settings, self.pid)
        if checked.owner is not None:
            belongs_to(self.pid, checked.owner)
        try:
            conversation, compaction, cuts = await open_session(checked, config, keeping.ahead, origin)
            account = await account_of(checked, begun=bool(cuts) or len(conversation) > 1)
        except UnknownSession:
            return IGNORE
        except Elsewhere as elsewhere:
            if (there := await already_elsewhere(checked.id)) is not None:
                send_on(self.pid, there.pid)
            return Error(there or elsewhere)
        except SessionError as failed:
            return Error(failed)
        queue = tuple(StreamChat(cut.message, None, cut.stream_id, recorder=cut.recorder, cut=cut) for cut in cuts)
        state = AgentState(
            checked,
            conversation,
            (None,) * len(conversation),
            queue=queue,
            buffer_size=streaming.buffer_size,
            debug=streaming.debug_streaming,
            keeping=keeping,
            announcer=announcer_of(checked, settings),
            compaction=compaction,
            parts=parts_of(checked.id, settings, keeping),
            tracer=tracer_of(settings),
            account=account,
        )
        if parent is None:
            expect(checked.id)
        return Ready(state, BEGIN)

    async def handle_continue(self, term: Any, state: AgentState) -> NoReply[AgentState]:
        """Begin with the cut turns, after the start."""
        for chat in state.queue:
            has_stream(self.pid, chat.stream_id)
        return NoReply(returned(state.config.id, await turns.begin_next(self.pid, state)))

    async def handle_info(self, message: Any, state: AgentState) -> Next[AgentState]:
        match message:
            case StreamChat(_, subscriber, stream_id) if known(state, stream_id):  # a repeated request
                return NoReply(state if subscriber is None else followed(state, stream_id, subscriber, after=0)[1])
            case StreamChat():
                return NoReply(await turns.asked(self.pid, message, state))
            case Exit(pid, reason) if state.running is not None and pid is state.running.handler:
                return NoReply(await turns.handler_ended(self.pid, state.running, reason, state))
            case Subscribe(subscriber):
                return NoReply(subscribed(state, subscriber))
            case Unsubscribe(subscriber):
                return NoReply(unsubscribed(state, subscriber))
            case Forget():
                return NoReply(turns.forgotten(self.pid, state))
            case LongWait():
                return await long_wait(self.pid, state)
            case StreamLost(stream_id, fault) if state.running is not None and state.running.stream.id == stream_id:
                return NoReply(replace(state, running=stopping(state.running, fault)))
            case Idle(count) if count == state.turns and state.running is None:
                return NoReply(await turns.begin_next(self.pid, state)) if self._needed(state) else Stop(NORMAL, state)
        return NoReply(state)

    def handle_call(
        self, request: AgentRequest | HandOver, caller: Caller, state: AgentState
    ) -> Outcome[AgentState] | Awaitable[Outcome[AgentState]]:
        running = state.running
        match request:
            case Follow(stream_id, subscriber, after):
                return Reply(*followed(state, stream_id, subscriber, after))
            case GetEvents(stream_id):
                return Reply(events_of(state, stream_id), state)
            case GetInfo():
                return Reply(info_of(state), state)
            case GetConversation():
                return Reply(state.published, state)
            case GetHistory():
                return Reply(history_of(state), state)
            case Steer(blobs=blobs) if blobs:
                return keep_and_steer(request, state)
            case Steer():
                return Reply(steer(request, state), state)
            case Approve() | Deny() | AnswerQuestion():
                return decided(request, state)
            case Settle():
                return Reply(settle(request, state), state)
            case GetPart(key):
                return part_of(key, state)
            case Retire() if (running is None or running.over) and not state.queue:
                return Stop(NORMAL, state, reply=True)
            case Retire():
                return Reply(False, state)
            case HandOver(at_once):
                return hand_over(self.pid, at_once, state)
            case Cancel(unfollowed=True) if is_followed(state, request.stream_id):
                return Reply(False, state)
            case Cancel(stream_id) if running is not None and state.running_stream(stream_id) is not None:
                if running.over:
                    return Reply(False, replace(state, running=stopping(running, Cancelled())))
                cancelled = replace(stopping(running, Cancelled()), cancellers=(*running.cancellers, caller))
                return NoReply(replace(state, running=cancelled))
            case Cancel(stream_id):
                return cancel_waiting(self.pid, stream_id, state)

    def _needed(self, state: AgentState) -> bool:
        """Return whether a running subscriber or an unread message needs the agent."""
        return bool((process := self.pid.process) and process.mailbox) or any(pid.alive for pid in state.subscribers)

    async def terminate(self, reason: Any, state: AgentState) -> None:
        if orderly(reason):
            expect_no_more(state.config.id)
        await end_agent(self.pid, reason, state)


SUB_AGENT: Final = ChildSpec("agent", AgentInstance, restart=RestartType.TEMPORARY)
"""The template of an agent that is a child of its call's supervisor."""
