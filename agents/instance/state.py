"""The state of an agent: its configuration, its conversation, the turn that runs and those that wait."""

from asyncio import TimerHandle
from collections.abc import Mapping
from typing import Self

from msgspec import Struct, field

from actors import Caller, Pid
from agents.agent_config import AgentConfig
from agents.core.conversation import Conversation
from agents.core.errors import Fault
from agents.sessions import Recorder
from agents.sessions.cut import Cut
from agents.settings import Durability, OnRestart, SessionSettings
from agents.streams.recent import Recent
from agents.streams.stream import Stream


class StreamChat(Struct, frozen=True):
    """The message that starts a turn. Its events go to subscriber, and to all who subscribe to the agent.

    stream_id: made by the sender, so that it can tell its own stream's events. followers: who asked to follow the
    stream before it began. recorder: where sessions are kept, what takes its stream down. cut: of a turn that a crash
    cut, what is known of it.
    """

    message: str
    subscriber: Pid | None = None
    stream_id: str = ""
    followers: tuple[Pid, ...] = ()
    recorder: Recorder | None = None
    cut: Cut | None = None


class Running(Struct, frozen=True):
    """The turn that runs: what it answers, its stream, its handler, and who waits for its cancellation.

    fault: of a turn that was given up: what its stream is to end with.
    """

    chat: StreamChat
    stream: Stream
    handler: Pid
    fault: Fault | None = None
    cancellers: tuple[Caller, ...] = ()

    @property
    def goes_on(self) -> bool:
        """It was not given up, and its handler has not fallen: what is said now will be answered."""
        return self.fault is None and self.handler.alive


class Keeping(Struct, frozen=True):
    """How the session is kept. ahead: events that may be shown before they are on disk. max_recoveries: how often a
    cut turn is resumed that gets no further. idle_s: after which an agent that nobody asks ends; None: never, as of one
    that would not come back whole."""

    ahead: int = 0
    on_restart: OnRestart = OnRestart.RESUME
    max_recoveries: int = 0
    idle_s: float | None = None

    @classmethod
    def by(cls, settings: SessionSettings, *, comes_back: bool) -> Self:
        if settings.durability is Durability.OFF:
            return cls()
        ahead = settings.batch_events if settings.durability is Durability.BATCHED else 0
        idle = settings.idle_time if comes_back else None
        return cls(ahead, settings.on_restart, settings.max_recoveries, None if idle is None else idle / 1000)


class AgentState(Struct, frozen=True):
    """queue: turns that wait, in order of arrival. One turn at a time writes the conversation.

    recent: streams that have ended and may still be followed. buffer_size: as of Stream. debug: its streams log the
    kinds of their events. turns: that have begun. timers: of reminders to the agent, by the kind of the reminder.
    """

    config: AgentConfig
    conversation: Conversation
    subscribers: tuple[Pid, ...] = ()
    running: Running | None = None
    queue: tuple[StreamChat, ...] = ()
    recent: Recent = ()
    buffer_size: int | None = None
    debug: bool = False
    keeping: Keeping = Keeping()
    turns: int = 0
    timers: Mapping[type, TimerHandle] = field(default_factory=dict)
