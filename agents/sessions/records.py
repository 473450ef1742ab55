"""The records that a store writes, and those that it returns. All of them are data."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from agents.core.compaction import Compaction
from agents.core.conversation import Conversation, Message
from agents.core.deltas import Usage
from agents.core.events import Event
from agents.core.parts import Content
from agents.sessions.side_records import Allowance, Charged, Delivery, EffectNoted, WaitChange

SUSPECTED: Final = 4
"""The number of takeovers that count for a turn whose calls ran as its node died. A turn that ends its node does so in
a call, as a rule."""


class StreamStatus(StrEnum):
    """OPEN: the turn runs, or a crash cut it. CANCELLED: older versions stored these as ERROR."""

    OPEN = "open"
    COMPLETE = "complete"
    ERROR = "error"
    CANCELLED = "cancelled"


# Written


class SessionBegun(Struct, frozen=True):
    """A session to create. If it exists, its name, config and owner are updated.

    name: the agent's. config: the agent's configuration, as JSON data, never with a secret. None leaves it unchanged.
    opening: the conversation of a new session before its first turn. owner: the session's user, or None.
    parent_id: of a sub-agent, the session of its caller. parent_call: the id of the call that it answers.
    """

    id: str
    name: str
    config: dict[str, Any] | None
    opening: Conversation
    at: datetime
    owner: str | None = None
    parent_id: str | None = None
    parent_call: str | None = None


class StreamBegun(Struct, frozen=True):
    """A new stream. message: the user's message, which the turn answers."""

    id: str
    session_id: str
    message: Content
    at: datetime


class Checkpoint(Struct, frozen=True):
    """A state from which a cut turn continues.

    seq: of the last event before it. payload: in a form that only its writer knows. parts: in such a form, too. A store
    adds the parts of a written checkpoint to those it has, and returns all of them.
    again: the turn was resumed, and has not got further since.
    """

    stream_id: str
    seq: int
    payload: bytes
    again: bool = False
    parts: tuple["CheckpointPart", ...] = ()

    def after(self, earlier: "Checkpoint | None") -> "Checkpoint":
        """Return this checkpoint with the parts of an earlier one that was not written."""
        return self if earlier is None else replace(self, parts=earlier.parts + self.parts)


class CheckpointPart(Struct, frozen=True):
    """A part of a stream's checkpoints. It never changes. number: 1, 2, 3 ... in its stream."""

    number: int
    payload: bytes


class StreamEnded(Struct, frozen=True):
    """The end of a stream.

    messages: those that the turn appends to the conversation, the user's first. times: the Unix time of each; a missing
    one is unknown. compaction: of the conversation, if the turn has made one.
    """

    id: str
    session_id: str
    status: StreamStatus
    usage: Usage | None
    cost: float | None
    messages: Conversation
    at: datetime
    times: tuple[float | None, ...] = ()
    compaction: Compaction | None = None


class Batch(Struct, frozen=True):
    """The records of one transaction.

    events: by stream, each stream's in order and without a gap. deliveries: messages about them.
    number: identifies this batch, so that a retry after a lost answer does not write it twice.
    """

    sessions: list[SessionBegun]
    streams: list[StreamBegun]
    events: list[tuple[str, list[Event]]]
    checkpoints: list[Checkpoint]
    ended: list[StreamEnded]
    number: int = 0
    charges: list[Charged | Allowance] = []
    waits: list[WaitChange] = []
    effects: list[EffectNoted] = []
    deliveries: list[Delivery] = []


# Read


class ListedSession(Struct, frozen=True):
    """A session, as lists show it.

    owner, config, parent_id, parent_call: as in SessionBegun. title: set by a person. message_count: of the
    conversation.
    """

    id: str
    owner: str | None
    name: str
    title: str | None
    created_at: datetime
    updated_at: datetime
    message_count: int
    parent_id: str | None
    parent_call: str | None


class SessionRecord(ListedSession, frozen=True):
    config: dict[str, Any] | None


class DatedMessage(Struct, frozen=True):
    """A message of a conversation. sent_at: Unix seconds, or None if that is unknown."""

    message: Message
    sent_at: float | None


class StreamRecord(Struct, frozen=True):
    """A stream, as lists show it.

    last_seq: of the events in the store, or 0. messages_from, messages_until: the positions in the conversation of the
    messages that the stream appended at its end.
    """

    id: str
    session_id: str
    message: Content
    status: StreamStatus
    begun_at: datetime
    ended_at: datetime | None
    usage: Usage | None
    cost: float | None
    messages_from: int | None
    messages_until: int | None
    last_seq: int


class OpenStream(Struct, frozen=True):
    """The stream of a turn that runs, waits or was cut.

    Its output after the checkpoint: Store.events(stream_id, after=checkpoint.seq). recoveries: how often the turn was
    resumed since it last got further. takeovers: how often a node continued the turn of another one that died, each
    time counted once, or SUSPECTED times if calls ran. parked: the turn waits for people without an agent.
    """

    session_id: str
    stream_id: str
    message: Content
    last_seq: int
    checkpoint: Checkpoint | None
    recoveries: int = 0
    takeovers: int = 0
    parked: bool = False
