"""The functions for using an agent. Source: API reference, "Module: agent".

pid = await start_agent(name="Helper", model="gpt-4o", tools=["calculator"])

async for event in agent.stream(pid, "What is 6 * 7?"):      # the events of this answer
    ...
response = await agent.chat(pid, "And doubled?")             # the whole answer
agent.stream_chat(pid, "Thanks")                             # the events go to the calling process

An agent is given by its Pid or by its id. A Pid is one process. An id stays valid when the agent is restarted: the
function waits up to five seconds for the new process. A message by id also starts the agent of a kept session.

Every function checks its arguments before anything changes. It raises InvalidArgument for an invalid one, and
CallFailed for an agent that has ended, or an id that no agent has; `unsubscribe` then does nothing. A message is a str
that is not empty and that UTF-8 can encode, or a list of parts: Text, Image, Audio and File.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any, TypeAlias, TypeVar, overload
from uuid import uuid4

from actors import NORMAL, CallFailed, Down, InvalidArgument, Mailbox, Pid, call, ended
from actors.clock import unix_s
from actors.system.process_system import CALL_TIMEOUT_S
from agents.agent_config.answer_type import AnswerType
from agents.agent_config.request import TurnRequest
from agents.agent_registry import id_of
from agents.core.conversation import Conversation
from agents.core.errors import ContentRefused, HandlerCrashed
from agents.core.events import (
    TERMINAL,
    Event,
    StreamComplete,
    StreamError,
)
from agents.core.response import Response, TypedResponse
from agents.instance.answers import StreamFailed, typed
from agents.instance.arguments import (
    check_loop,
    checked_agent,
    checked_answer_type,
    checked_message,
    checked_new_id,
    checked_optional,
    checked_request,
    checked_seq,
    checked_subscriber,
    checked_text,
    checked_unsubscriber,
)
from agents.instance.by_id import ask, check_known, deliver, present, successor
from agents.instance.decisions import answer, approve, deny, settle
from agents.instance.elsewhere import PARKED
from agents.instance.info import AgentHistory, AgentInfo
from agents.instance.requests import (
    Cancel,
    Follow,
    Full,
    GetConversation,
    GetEvents,
    GetHistory,
    GetInfo,
    GetPart,
    Retire,
    Steer,
    Subscribe,
    Unsubscribe,
)
from agents.instance.state import StreamChat
from agents.parts.given import Audio, File, GivenContent, Image, Text
from agents.sub_agents.agent_tool import as_tool
from agents.tools.approval import Answer
from agents.traces.carrier import carried

__all__ = [
    "AgentInfo",
    "Answer",
    "Conversation",
    "Event",
    "Response",
    "StreamFailed",
    "TooManyWait",
    "TypedResponse",
    "answer",
    "approve",
    "as_tool",
    "cancel",
    "chat",
    "conversation",
    "deny",
    "follow",
    "info",
    "part",
    "retire",
    "settle",
    "steer",
    "stream",
    "stream_chat",
    "subscribe",
    "unsubscribe",
]

T = TypeVar("T")
Message: TypeAlias = str | Image | Audio | File | Sequence[Text | Image | Audio | File]
"""A message: a text, an image, a sound or a file, or a list of parts."""

LAST_WORDS_S = 5.0  # wait for a stream's own terminal event after its agent has ended


class TooManyWait(Exception):
    """Raised by `steer`: max_steering messages already wait for the turn's next model call."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} messages wait for the turn's next model call, which is max_steering")
        self.limit = limit


def stream_chat(
    pid: Pid | str,
    message: Message | GivenContent,
    subscriber_pid: Pid | None = None,
    *,
    stream_id: str | None = None,
    answer_type: Any = None,
    request: TurnRequest | None = None,
) -> str:
    """Send the agent a message, and return at once with the id of the stream that will answer.

    The events go to subscriber_pid, by default the calling process, and to all subscribers of the agent. If a turn
    runs, the agent's `when_busy` decides about the message. It waits, is refused (its stream is one stream_error,
    Busy), ends the turn, or steers it (then the running stream has the answer).

    stream_id: an id chosen by the caller. A message with the id of an existing stream is not answered twice: the
    subscriber gets that stream's events, as with `follow`. answer_type: as in `chat`. request: what holds for this
    message only, such as tools that the caller runs itself. A message with a request waits for its own turn, as one
    with an answer type does.

    Raises NoCaller if subscriber_pid is missing and no process runs the code: use `stream`, or a Mailbox.
    """
    agent, given, subscriber = checked_agent(pid), checked_message(message), checked_subscriber(subscriber_pid)
    stream_id = checked_new_id(stream_id) or uuid4().hex
    answer = checked_answer_type(answer_type)
    asked = checked_request(request)
    blobs, trace = given.blobs, carried()
    chat = StreamChat(given.content, subscriber, stream_id, answer=answer, request=asked, blobs=blobs, trace=trace)
    deliver(agent, chat, wakes=True)
    return stream_id


def stream(pid: Pid | str, message: Message | GivenContent, *, answer_type: Any = None) -> AsyncGenerator[Event, None]:
    """Yield the events of the answer as they come; the last one is StreamComplete or StreamError.

    If the loop ends early, the turn continues: `cancel` ends it. Blocking code uses its base's `iterate`.
    answer_type: as in `chat`; the Response of StreamComplete has the value as JSON data.
    """
    agent, given, answer = checked_agent(pid), checked_message(message), checked_answer_type(answer_type)
    check_known(agent, wakes=True)
    return _stream(agent, given, answer)


async def _stream(handle: Pid | str, message: GivenContent, answer: AnswerType | None) -> AsyncGenerator[Event, None]:
    pid = await present(handle, wakes=True)
    check_loop(pid)
    agent_id = id_of(pid) or ""
    box = Mailbox()  # not entered: inside the block it would be the calling process of the generator's consumer
    try:
        box.monitor(pid)
        stream_id = stream_chat(handle, message, box.pid, answer_type=answer)
        seq, patience_s = 0, None
        while True:
            try:
                received = await box.receive(patience_s)
            except TimeoutError:
                yield StreamError(HandlerCrashed("its agent ended"), stream_id=stream_id, seq=seq + 1, at=unix_s())
                return
            if isinstance(received, Down):
                if received.reason == PARKED:  # the next agent of the session sends the rest
                    continue
                other = await successor(agent_id) if not seq and received.reason is NORMAL else None
                if other is not None:  # it has the message already, or gets it by this repeated request
                    box.monitor(other)
                    stream_chat(other, message, box.pid, stream_id=stream_id, answer_type=answer)
                    continue
                patience_s = LAST_WORDS_S if seq else 0.0
                continue
            seq = received.seq
            yield received
            if isinstance(received, TERMINAL):
                return
    finally:
        box.close()


@overload
async def chat(pid: Pid | str, message: Message, *, answer_type: None = None) -> Response: ...
@overload
async def chat(pid: Pid | str, message: Message, *, answer_type: type[T]) -> TypedResponse[T]: ...
@overload
async def chat(
    pid: Pid | str, message: Message, *, answer_type: Mapping[str, Any]
) -> TypedResponse[dict[str, Any]]: ...
async def chat(pid: Pid | str, message: Message, *, answer_type: Any = None) -> Response:
    """Return the whole answer. Raises StreamFailed if the stream ends with an error.

        city = (await agent.chat(pid, "Describe Paris.", answer_type=City)).value     # a City

    answer_type: the type of this answer, in place of the agent's own: a pydantic model, a dataclass, or a JSON schema
    of an object. The Response then is a TypedResponse. The model is asked again for an answer of another form, up to
    the agent's answer_retries. A message with an answer type waits for its own turn, also if when_busy is "steer". A
    turn that continues after a crash has the agent's answer type.
    """
    answer = checked_answer_type(answer_type)
    async with aclosing(stream(pid, message, answer_type=answer)) as events:
        async for event in events:
            match event:
                case StreamComplete(response):
                    return response if answer is None else typed(response, answer)
                case StreamError(fault, content):
                    raise StreamFailed(fault, content)
    raise AssertionError("a stream ended without its terminal event")


def subscribe(pid: Pid | str, subscriber_pid: Pid | None = None) -> None:
    """Send the events of all the agent's streams to subscriber_pid, by default the calling process."""
    deliver(checked_agent(pid), Subscribe(checked_subscriber(subscriber_pid)))


async def follow(pid: Pid | str, stream_id: str, subscriber_pid: Pid | None = None, *, after: int = 0) -> bool:
    """Send one stream's events with a seq above after to subscriber_pid, by default the calling process.

    The earlier events come first, with the pieces of a text joined, then the new ones, without gap or repeat. So a
    client that reconnects continues at its place. A subscriber that already gets the stream keeps its place. Return
    False, and send nothing, if the agent has no such stream. Ended streams are kept for a minute: the last four, within
    4 MiB.
    """
    request = Follow(checked_text(stream_id, "stream_id"), checked_subscriber(subscriber_pid), checked_seq(after))
    return await ask(pid, request)


async def events(pid: Pid | str, stream_id: str) -> tuple[Event, ...] | None:
    """Return all events of a stream so far, each as it was published; None if the agent has no such stream.

    `follow` joins the pieces of a text that have been published. Here each piece has its own time.
    """
    return await ask(pid, GetEvents(checked_text(stream_id, "stream_id")))


def unsubscribe(pid: Pid | str, subscriber_pid: Pid | None = None) -> None:
    """Stop sending events to subscriber_pid, by default the calling process. Agent or subscriber may have ended."""
    request = Unsubscribe(checked_unsubscriber(subscriber_pid))
    with suppress(CallFailed):
        deliver(checked_agent(pid), request)


async def cancel(pid: Pid | str, stream_id: str | None = None, *, unfollowed: bool = False) -> bool:
    """Cancel a turn. Its stream ends with stream_error, reason Cancelled; the text that had arrived is kept.

    stream_id: that of a running or waiting turn; None: the running turn. unfollowed: only cancel a turn whose events no
    running process gets. Return True when the turn's connection is closed and its tools, except those in threads, have
    ended. Return False if there was no such turn.
    """
    return await ask(pid, Cancel(checked_optional(stream_id, "stream_id"), unfollowed), timeout_s=None)


async def steer(pid: Pid | str, message: Message | GivenContent, *, stream_id: str | None = None) -> bool:
    """Add a message to the running turn. The turn does not end before a model call has read the message.

    Return False, and add nothing, if no turn runs, or not the turn of stream_id. Raises TooManyWait, and adds nothing,
    if max_steering messages already wait for that model call.
    """
    given = checked_message(message)
    request = Steer(given.content, checked_optional(stream_id, "stream_id"), given.blobs)
    steered = await ask(pid, request)
    if isinstance(steered, Full):
        raise TooManyWait(steered.limit)
    if isinstance(steered, ContentRefused):
        raise InvalidArgument("a message that the agent accepts", steered.why)
    return steered


async def retire(pid: Pid | str) -> bool:
    """End the agent, and return True when it has ended. Return False, and change nothing, if a turn runs or waits."""
    agent = await present(checked_agent(pid))
    try:
        retired = await call(agent, Retire(), CALL_TIMEOUT_S)
    except CallFailed as failed:
        if failed.reason is not NORMAL:
            raise
        retired = True  # it has ended because it was idle
    if retired:
        await ended(agent)  # in a cluster, its session is then free for other nodes
    return retired


async def info(pid: Pid | str) -> AgentInfo:
    """Return a description of the agent and its streams."""
    return await ask(pid, GetInfo())


async def conversation(pid: Pid | str) -> Conversation:
    """Return the agent's conversation, without the running turn."""
    return await ask(pid, GetConversation())


async def history(pid: Pid | str) -> AgentHistory:
    """Return the agent's conversation with the times of its messages, and the running turn so far."""
    return await ask(pid, GetHistory())


async def part(pid: Pid | str, sha256: str) -> bytes | None:
    """Return the bytes of an image, a sound or a file of the conversation, by its hash; None for an unknown hash."""
    return await ask(pid, GetPart(checked_text(sha256, "sha256")))
