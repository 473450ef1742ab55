"""The functions for using an agent. Source: API reference, "Module: agent".

pid = await start_agent(name="Helper", model="gpt-4o", tools=["calculator"])

async for event in agent.stream(pid, "What is 6 * 7?"):      # the events of this answer
    ...
response = await agent.chat(pid, "And doubled?")             # the whole answer
agent.stream_chat(pid, "Thanks")                             # the events go to the calling process

Every function checks its arguments before anything changes. It raises InvalidArgument for an invalid one, and
CallFailed for an agent that has ended; `unsubscribe` then does nothing. A message is a str that is not empty and that
UTF-8 can encode.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, TypeVar, overload
from uuid import uuid4

from actors import Down, Mailbox, Pid, call, send
from actors.clock import unix_s
from agents.agent_config.answer_type import AnswerType
from agents.core.conversation import Conversation
from agents.core.errors import HandlerCrashed
from agents.core.events import TERMINAL, Event, Response, StreamComplete, StreamError, TypedResponse
from agents.instance.answers import StreamFailed, typed
from agents.instance.arguments import (
    check_loop,
    checked_agent,
    checked_answer_type,
    checked_message,
    checked_new_id,
    checked_optional,
    checked_or_ended,
    checked_seq,
    checked_subscriber,
    checked_text,
    checked_unsubscriber,
)
from agents.instance.info import AgentHistory, AgentInfo
from agents.instance.requests import (
    Approve,
    Cancel,
    Deny,
    Follow,
    Full,
    GetConversation,
    GetEvents,
    GetHistory,
    GetInfo,
    Retire,
    Steer,
    Subscribe,
    Unsubscribe,
)
from agents.instance.state import StreamChat
from agents.tools.approval import Answer

__all__ = [
    "AgentInfo",
    "Answer",
    "Conversation",
    "Event",
    "Response",
    "StreamFailed",
    "TooManyWait",
    "TypedResponse",
    "approve",
    "cancel",
    "chat",
    "conversation",
    "deny",
    "follow",
    "info",
    "retire",
    "steer",
    "stream",
    "stream_chat",
    "subscribe",
    "unsubscribe",
]

T = TypeVar("T")

LAST_WORDS_S = 5.0  # wait for a stream's own terminal event after its agent has ended


class TooManyWait(Exception):
    """Raised by `steer`: max_steering messages already wait for the turn's next model call."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} messages wait for the turn's next model call, which is max_steering")
        self.limit = limit


def stream_chat(
    pid: Pid, message: str, subscriber_pid: Pid | None = None, *, stream_id: str | None = None, answer_type: Any = None
) -> str:
    """Send the agent a message, and return at once with the id of the stream that will answer.

    The events go to subscriber_pid, by default the calling process, and to all subscribers of the agent. If a turn
    runs, the agent's `when_busy` decides about the message. It waits, is refused (its stream is one stream_error,
    Busy), ends the turn, or steers it (then the running stream has the answer).

    stream_id: an id chosen by the caller. A message with the id of an existing stream is not answered twice: the
    subscriber gets that stream's events, as with `follow`. answer_type: as in `chat`.

    Raises NoCaller if subscriber_pid is missing and no process runs the code: use `stream`, or a Mailbox.
    """
    agent, text, subscriber = checked_agent(pid), checked_message(message), checked_subscriber(subscriber_pid)
    stream_id = checked_new_id(stream_id) or uuid4().hex
    send(agent, StreamChat(text, subscriber, stream_id, answer=checked_answer_type(answer_type)))
    return stream_id


def stream(pid: Pid, message: str, *, answer_type: Any = None) -> AsyncGenerator[Event, None]:
    """Yield the events of the answer as they come; the last one is StreamComplete or StreamError.

    If the loop ends early, the turn continues: `cancel` ends it. Blocking code uses its base's `iterate`.
    answer_type: as in `chat`; the Response of StreamComplete has the value as JSON data.
    """
    return _stream(checked_agent(pid), checked_message(message), checked_answer_type(answer_type))


async def _stream(pid: Pid, message: str, answer: AnswerType | None) -> AsyncGenerator[Event, None]:
    check_loop(pid)
    box = Mailbox()  # not entered: inside the block it would be the calling process of the generator's consumer
    try:
        box.monitor(pid)
        stream_id = stream_chat(pid, message, box.pid, answer_type=answer)
        seq, patience_s = 0, None
        while True:
            try:
                received = await box.receive(patience_s)
            except TimeoutError:
                yield StreamError(HandlerCrashed("its agent ended"), stream_id=stream_id, seq=seq + 1, at=unix_s())
                return
            if isinstance(received, Down):
                patience_s = LAST_WORDS_S if seq else 0.0
                continue
            seq = received.seq
            yield received
            if isinstance(received, TERMINAL):
                return
    finally:
        box.close()


@overload
async def chat(pid: Pid, message: str, *, answer_type: None = None) -> Response: ...
@overload
async def chat(pid: Pid, message: str, *, answer_type: type[T]) -> TypedResponse[T]: ...
@overload
async def chat(pid: Pid, message: str, *, answer_type: Mapping[str, Any]) -> TypedResponse[dict[str, Any]]: ...
async def chat(pid: Pid, message: str, *, answer_type: Any = None) -> Response:
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


def subscribe(pid: Pid, subscriber_pid: Pid | None = None) -> None:
    """Send the events of all the agent's streams to subscriber_pid, by default the calling process."""
    send(checked_agent(pid), Subscribe(checked_subscriber(subscriber_pid)))


async def follow(pid: Pid, stream_id: str, subscriber_pid: Pid | None = None, *, after: int = 0) -> bool:
    """Send one stream's events with a seq above after to subscriber_pid, by default the calling process.

    The earlier events come first, with the pieces of a text joined, then the new ones, without gap or repeat. So a
    client that reconnects continues at its place. A subscriber that already gets the stream keeps its place. Return
    False, and send nothing, if the agent has no such stream. Ended streams are kept for a minute: the last four, within
    4 MiB.
    """
    request = Follow(checked_text(stream_id, "stream_id"), checked_subscriber(subscriber_pid), checked_seq(after))
    found: bool = await call(checked_agent(pid), request)
    return found


async def events(pid: Pid, stream_id: str) -> tuple[Event, ...] | None:
    """Return all events of a stream so far, each as it was published; None if the agent has no such stream.

    `follow` joins the pieces of a text that have been published. Here each piece has its own time.
    """
    return await call(checked_agent(pid), GetEvents(checked_text(stream_id, "stream_id")))


def unsubscribe(pid: Pid, subscriber_pid: Pid | None = None) -> None:
    """Stop sending events to subscriber_pid, by default the calling process. Agent or subscriber may have ended."""
    request = Unsubscribe(checked_unsubscriber(subscriber_pid))
    if (agent := checked_or_ended(pid)) is not None:
        send(agent, request)


async def cancel(pid: Pid, stream_id: str | None = None) -> bool:
    """Cancel a turn. Its stream ends with stream_error, reason Cancelled; the text that had arrived is kept.

    stream_id: that of a running or waiting turn; None: the running turn. Return True when the turn's connection is
    closed and its tools, except those in threads, have ended. Return False if there was no such turn.
    """
    cancelled: bool = await call(checked_agent(pid), Cancel(checked_optional(stream_id, "stream_id")), timeout_s=None)
    return cancelled


async def approve(pid: Pid, call_id: str, arguments: str | None = None, *, stream_id: str | None = None) -> Answer:
    """Approve the call of a stream_approval_required, so that the call runs.

    arguments: those of the event; if given, other arguments are not approved. stream_id: that of the event; a provider
    may use the id of a call again in a later turn. Return Decided, or the reason why the decision has no effect:
    AlreadyDecided, NotAsked, OtherArguments.
    """
    request = Approve(
        checked_text(call_id, "call_id"),
        checked_optional(arguments, "arguments"),
        checked_optional(stream_id, "stream_id"),
    )
    answer: Answer = await call(checked_agent(pid), request)
    return answer


async def deny(pid: Pid, call_id: str, reason: str = "", *, stream_id: str | None = None) -> Answer:
    """Deny a call: it ends with the result "denied". reason: for the model. Return the same values as `approve`."""
    request = Deny(
        checked_text(call_id, "call_id"), checked_text(reason, "reason"), checked_optional(stream_id, "stream_id")
    )
    answer: Answer = await call(checked_agent(pid), request)
    return answer


async def steer(pid: Pid, message: str, *, stream_id: str | None = None) -> bool:
    """Add a message to the running turn. The turn does not end before a model call has read the message.

    Return False, and add nothing, if no turn runs, or not the turn of stream_id. Raises TooManyWait, and adds nothing,
    if max_steering messages already wait for that model call.
    """
    steered: bool | Full = await call(
        checked_agent(pid), Steer(checked_message(message), checked_optional(stream_id, "stream_id"))
    )
    if isinstance(steered, Full):
        raise TooManyWait(steered.limit)
    return steered


async def retire(pid: Pid) -> bool:
    """End the agent. Return False, and change nothing, if a turn runs or waits."""
    retired: bool = await call(checked_agent(pid), Retire())
    return retired


async def info(pid: Pid) -> AgentInfo:
    """Return a description of the agent and its streams."""
    found: AgentInfo = await call(checked_agent(pid), GetInfo())
    return found


async def conversation(pid: Pid) -> Conversation:
    """Return the agent's conversation, without the running turn."""
    messages: Conversation = await call(checked_agent(pid), GetConversation())
    return messages


async def history(pid: Pid) -> AgentHistory:
    """Return the agent's conversation with the times of its messages, and the running turn so far."""
    return await call(checked_agent(pid), GetHistory())
