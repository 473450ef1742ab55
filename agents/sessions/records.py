"""What is written to a store, and what is read from it. All of it is data."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from agents.core.conversation import Conversation
from agents.core.deltas import Usage
from agents.core.events import Event


class StreamStatus(StrEnum):
    """OPEN: its turn runs, or was cut by a crash."""

    OPEN = "open"
    COMPLETE = "complete"
    ERROR = "error"


# Written


class SessionBegun(Struct, frozen=True):
    """A session to be there from now on; of one that is, name, config and owner are brought up to date.

    name: the agent's. config: what the agent was started with, as JSON data, never with a secret; None: as it was.
    opening: the conversation of a new session before its first turn. owner: the user whose it is; None: nobody's.
    """

    id: str
    name: str
    config: dict[str, Any] | None
    opening: Conversation
    at: datetime
    owner: str | None = None


class StreamBegun(Struct, frozen=True):
    """message: the user's, which the turn answers."""

    id: str
    session_id: str
    message: str
    at: datetime


class Checkpoint(Struct, frozen=True):
    """A state from which a cut turn goes on: the payload is its writer's business. seq: of the last event before it.

    again: the turn was resumed, and has got no further since.
    """

    stream_id: str
    seq: int
    payload: bytes
    again: bool = False


class StreamEnded(Struct, frozen=True):
    """messages: what the turn appends to the conversation, the user's message first."""

    id: str
    session_id: str
    status: StreamStatus
    usage: Usage | None
    cost: float | None
    messages: Conversation
    at: datetime


class Batch(Struct, frozen=True):
    """What is written in one transaction. events: by stream, those of a stream in order and without a gap.

    number: of this batch, if it may be written again because the answer to its commit was lost.
    """

    sessions: list[SessionBegun]
    streams: list[StreamBegun]
    events: list[tuple[str, list[Event]]]
    checkpoints: list[Checkpoint]
    ended: list[StreamEnded]
    number: int = 0


# Read


class SessionInfo(Struct, frozen=True):
    """owner, config: as of SessionBegun. title: given by a person. message_count: of the conversation."""

    id: str
    owner: str | None
    name: str
    title: str | None
    created_at: datetime
    updated_at: datetime
    message_count: int


class Session(SessionInfo, frozen=True):
    config: dict[str, Any] | None


class StreamInfo(Struct, frozen=True):
    """last_seq: of the events in the store; 0: none yet. messages_from, messages_until: positions in the conversation,
    of what it appended when it ended."""

    id: str
    session_id: str
    message: str
    status: StreamStatus
    begun_at: datetime
    ended_at: datetime | None
    usage: Usage | None
    cost: float | None
    messages_from: int | None
    messages_until: int | None
    last_seq: int


class OpenStream(Struct, frozen=True):
    """A turn that was cut. What it had said after its checkpoint: Store.events(stream_id, after=checkpoint.seq).

    recoveries: how often it was resumed since it last got further.
    """

    session_id: str
    stream_id: str
    message: str
    last_seq: int
    checkpoint: Checkpoint | None
    recoveries: int = 0
