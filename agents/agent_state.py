"""The state of an agent: its configuration, its conversation, the turn that runs and those that wait."""

from msgspec import Struct

from actors import Caller, Pid
from agents.agent_config import AgentConfig
from agents.core.conversation import Conversation
from agents.recent_streams import Recent
from agents.stream import Stream


class StreamChat(Struct, frozen=True):
    """The message that starts a turn. Its events go to subscriber, and to all who subscribe to the agent.

    stream_id: made by the sender, so that it can tell its own stream's events. followers: who asked to follow the
    stream before it began.
    """

    message: str
    subscriber: Pid | None = None
    stream_id: str = ""
    followers: tuple[Pid, ...] = ()


class Running(Struct, frozen=True):
    """The turn that runs: what it answers, its stream, its handler, and who waits for its cancellation."""

    chat: StreamChat
    stream: Stream
    handler: Pid
    cancelled: bool = False
    cancellers: tuple[Caller, ...] = ()


class AgentState(Struct, frozen=True):
    """queue: turns that wait, in order of arrival. One turn at a time writes the conversation.

    recent: streams that have ended and may still be followed. buffer_size: as of Stream. stream_type: of its streams.
    """

    config: AgentConfig
    conversation: Conversation
    subscribers: tuple[Pid, ...] = ()
    running: Running | None = None
    queue: tuple[StreamChat, ...] = ()
    recent: Recent = ()
    buffer_size: int | None = None
    stream_type: type[Stream] = Stream
