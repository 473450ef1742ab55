"""Sessions, as the gateway answers with them."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from agents.core.conversation import Message

Time: TypeAlias = Annotated[datetime, Meta(tz=True)]
Status: TypeAlias = Literal["waiting", "running", "complete", "error", "open"]
"""The status of a stream. open: its turn was cut, and its agent has not come back."""


class SessionInfo(Struct, frozen=True, kw_only=True):
    """A session. Its id is its agent's id, and name is its agent's name.

    title: given by a person. live: whether its agent has a process now. owner: a user. created_at, updated_at: null
    where sessions are not kept. message_count: of the conversation.
    """

    id: str
    name: str
    title: str | None = None
    live: bool
    owner: str | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
    message_count: int


class SessionStream(Struct, frozen=True, kw_only=True):
    """A stream of a session.

    message: the user's message that it answers; null: unknown by now. last_seq: of its events. messages_from,
    messages_until: positions in the conversation of the messages that it appended when it ended.
    """

    id: str
    status: Status
    last_seq: int
    message: str | None = None
    begun_at: Time | None = None
    ended_at: Time | None = None
    messages_from: int | None = None
    messages_until: int | None = None


class Session(SessionInfo, frozen=True, kw_only=True):
    """A session with its content.

    conversation: without the turn that runs. streams: in the order in which they began.
    """

    conversation: tuple[Message, ...]
    streams: list[SessionStream]


class SessionPage(Struct, frozen=True):
    """A page of sessions."""

    sessions: list[SessionInfo]
