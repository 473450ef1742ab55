"""Talking to an agent. Source: API reference, "Module: agent".

pid = await agent_supervisor.start_agent({"name": "Helper", "model": "gpt-4o", "tools": ["calculator"]})

async for event in agent.stream(pid, "What is 6 * 7?"):      # the events of this answer
    ...
response = await agent.chat(pid, "And doubled?")             # the whole answer
agent.stream_chat(pid, "Thanks")                             # the events go to the calling process

Every function checks its arguments before anything changes: it raises InvalidArgument for a wrong one, and CallFailed
for an agent that has ended. A message is a str that is not empty and that UTF-8 can encode.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import uuid4

from actors import Down, Mailbox, Pid, call, send
from agents.core.conversation import Conversation
from agents.core.errors import Fault, HandlerCrashed
from agents.core.events import TERMINAL, Event, Response, StreamComplete, StreamError
from agents.instance.arguments import (
    check_loop,
    checked_agent,
    checked_message,
    checked_new_id,
    checked_optional,
    checked_or_ended,
    checked_seq,
    checked_subscriber,
    checked_text,
    checked_unsubscriber,
)
from agents.instance.info import AgentInfo
from agents.instance.requests import (
    Approve,
    Cancel,
    Deny,
    Follow,
    Full,
    GetConversation,
    GetInfo,
    Retire,
    Steer,
    Subscribe,
    Unsubscribe,
)
from agents.instance.state import StreamChat
from agents.tools.approval import Answer

LAST_WORDS_S = 5.0  # how long a stream whose agent has died may take to say so itself


class StreamFailed(Exception):
    """From `chat`: the stream ended with stream_error. fault: why. content: the text that had arrived."""

    def __init__(self, fault: Fault, content: str) -> None:
        super().__init__(str(fault))
        self.fault, self.content = fault, content


class TooManyWait(Exception):
    """From `steer`: as many messages wait for the turn's next model call as the agent's max_steering allows."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} messages wait for the turn's next model call, which is max_steering")
        self.limit = limit


def stream_chat(pid: Pid, message: str, subscriber_pid: Pid | None = None, *, stream_id: str | None = None) -> str:
    """Send the agent a message, and return at once: the id of the stream that will answer.

    The events go to subscriber_pid, by default to the calling process, and to all who subscribe to the agent. What
    becomes of a message that comes while a turn runs, the agent's `when_busy` says: it waits, is refused (its stream
    is one stream_error, Busy), ends the turn, or steers it (then the running stream's events are the answer).

    stream_id: of the caller's making, so that it may ask again without being answered twice: of a stream that the agent
    has, the subscriber gets the events, as by `follow`.

    Raises NoCaller without subscriber_pid in code that is no process: use `stream`, or a Mailbox.
    """
    agent, text, subscriber = checked_agent(pid), checked_message(message), checked_subscriber(subscriber_pid)
    stream_id = checked_new_id(stream_id) or uuid4().hex
    send(agent, StreamChat(text, subscriber, stream_id))
    return stream_id


def stream(pid: Pid, message: str) -> AsyncGenerator[Event, None]:
    """The events of the answer, as they come; the last one is StreamComplete or StreamError.

    Leaving the loop early leaves the turn running: `cancel` ends it. Blocking code iterates by its base's `iterate`.
    """
    return _stream(checked_agent(pid), checked_message(message))


async def _stream(pid: Pid, message: str) -> AsyncGenerator[Event, None]:
    check_loop(pid)
    box = Mailbox()  # not entered: a generator that did would make it the calling process of its consumer
    try:
        box.monitor(pid)
        stream_id = stream_chat(pid, message, box.pid)
        seq, patience_s = 0, None
        while True:
            try:
                received = await box.receive(patience_s)
            except TimeoutError:
                yield StreamError(HandlerCrashed("its agent ended"), stream_id=stream_id, seq=seq + 1)
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


async def chat(pid: Pid, message: str) -> Response:
    """The whole answer. Raises StreamFailed if the stream ends with an error."""
    async with aclosing(stream(pid, message)) as events:
        async for event in events:
            match event:
                case StreamComplete(response):
                    return response
                case StreamError(fault, content):
                    raise StreamFailed(fault, content)
    raise AssertionError("a stream ended without its terminal event")


def subscribe(pid: Pid, subscriber_pid: Pid | None = None) -> None:
    """Send the events of all the agent's streams to subscriber_pid, by default the calling process."""
    send(checked_agent(pid), Subscribe(checked_subscriber(subscriber_pid)))


async def follow(pid: Pid, stream_id: str, subscriber_pid: Pid | None = None, *, after: int = 0) -> bool:
    """Send the events of one stream to subscriber_pid, by default the calling process: all with a seq above after.

    It begins with those that were, the pieces of a text as one event, and goes on with those that come, without gap or
    repeat; so who lost its connection goes on where it was. A subscriber that gets the stream already keeps its place.
    False, and nothing is sent, if the agent has no such stream: a stream that has ended is kept for a minute, and of
    those the last four, as far as 4 MiB hold them.
    """
    request = Follow(checked_text(stream_id, "stream_id"), checked_subscriber(subscriber_pid), checked_seq(after))
    found: bool = await call(checked_agent(pid), request)
    return found


def unsubscribe(pid: Pid, subscriber_pid: Pid | None = None) -> None:
    """Send subscriber_pid, by default the calling process, nothing more. The agent or the subscriber may have ended."""
    request = Unsubscribe(checked_unsubscriber(subscriber_pid))
    if (agent := checked_or_ended(pid)) is not None:
        send(agent, request)


async def cancel(pid: Pid, stream_id: str | None = None) -> bool:
    """Cancel a turn: its stream ends with stream_error, reason Cancelled; what had arrived is kept.

    stream_id: of a turn that runs or waits; None: the one that runs. Returns when its connection is closed and its
    tools are dead, but those in threads: True, or False if there was none.
    """
    cancelled: bool = await call(checked_agent(pid), Cancel(checked_optional(stream_id, "stream_id")), timeout_s=None)
    return cancelled


async def approve(pid: Pid, call_id: str, arguments: str | None = None, *, stream_id: str | None = None) -> Answer:
    """Have the call run that a stream_approval_required asks for.

    arguments: exactly those of the event; given, they make sure that nothing else is approved than what was read.
    stream_id: of the event; an id of a call is its provider's, and may come again in a later turn.
    Answers with Decided; or with what stands instead: AlreadyDecided, NotAsked, OtherArguments.
    """
    request = Approve(
        checked_text(call_id, "call_id"),
        checked_optional(arguments, "arguments"),
        checked_optional(stream_id, "stream_id"),
    )
    answer: Answer = await call(checked_agent(pid), request)
    return answer


async def deny(pid: Pid, call_id: str, reason: str = "", *, stream_id: str | None = None) -> Answer:
    """Have the call end with a result that says so. reason: for the model. Answers as `approve`."""
    request = Deny(
        checked_text(call_id, "call_id"), checked_text(reason, "reason"), checked_optional(stream_id, "stream_id")
    )
    answer: Answer = await call(checked_agent(pid), request)
    return answer


async def steer(pid: Pid, message: str, *, stream_id: str | None = None) -> bool:
    """Say something while a turn runs: the model reads it with the next model call of the turn, which goes on until
    it has. False if no turn runs, or not that of stream_id; then nothing was said. Raises TooManyWait, and nothing was
    said, where max_steering messages wait for that model call already."""
    steered: bool | Full = await call(
        checked_agent(pid), Steer(checked_message(message), checked_optional(stream_id, "stream_id"))
    )
    if isinstance(steered, Full):
        raise TooManyWait(steered.limit)
    return steered


async def retire(pid: Pid) -> bool:
    """End the agent, unless it has a turn that runs or waits: then it goes on, and the answer is False."""
    retired: bool = await call(checked_agent(pid), Retire())
    return retired


async def info(pid: Pid) -> AgentInfo:
    """What the agent is, and which streams it has."""
    found: AgentInfo = await call(checked_agent(pid), GetInfo())
    return found


async def conversation(pid: Pid) -> Conversation:
    """The agent's conversation, without the turn that runs."""
    messages: Conversation = await call(checked_agent(pid), GetConversation())
    return messages
