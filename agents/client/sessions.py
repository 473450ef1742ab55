"""Sessions as the gateway tells of them. The other way: agents/gateway/sessions.py."""

from datetime import datetime

from msgspec import Struct

from agents.core.conversation import Message


class SessionInfo(Struct, frozen=True, kw_only=True):
    """name: its agent's. title: given by a person. live: has its agent a process now. created_at, updated_at: None of a
    daemon that keeps none. message_count: of the conversation."""

    id: str
    name: str
    title: str | None
    live: bool
    created_at: datetime | None
    updated_at: datetime | None
    message_count: int


class SessionStream(Struct, frozen=True, kw_only=True):
    """message: the user's, which it answers; None: not known any more. status: waiting, running, complete, error; open:
    its turn was cut. messages_from, messages_until: positions in the conversation, of what it appended."""

    id: str
    status: str
    last_seq: int
    message: str | None
    begun_at: datetime | None
    ended_at: datetime | None
    messages_from: int | None
    messages_until: int | None


class Session(SessionInfo, frozen=True, kw_only=True):
    """conversation: without the turn that runs. streams: in the order in which they began."""

    conversation: tuple[Message, ...]
    streams: list[SessionStream]
