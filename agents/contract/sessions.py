"""The shapes of sessions in the gateway's answers."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from agents.core.conversation import AssistantMessage, SystemMessage, ToolMessage, UserMessage
from agents.core.parts import Content
from agents.core.running_turn import RunningTurn

Time: TypeAlias = Annotated[datetime, Meta(tz=True)]
Status: TypeAlias = Literal["waiting", "running", "complete", "error", "cancelled", "open"]
"""The status of a stream. open: the stream's turn was cut, and its agent has not been restored."""


class SessionInfo(Struct, frozen=True, kw_only=True):
    """A session. Its id is its agent's id, and name is its agent's name.

    title: set by a person. live: whether its agent runs. owner: a user. created_at, updated_at: null if sessions are
    not kept. message_count: number of messages in the conversation. parent_id: of a sub-agent, its caller's session.
    """

    id: str
    name: str
    title: str | None = None
    live: bool
    owner: str | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
    message_count: int
    parent_id: str | None = None


class SessionStream(Struct, frozen=True, kw_only=True):
    """A stream of a session.

    message: the user's message; null if it is not known any more. last_seq: the seq of the last event. messages_from,
    messages_until: positions in the conversation of the messages that the ended turn appended.
    """

    id: str
    status: Status
    last_seq: int
    message: Content | None = None
    begun_at: Time | None = None
    ended_at: Time | None = None
    messages_from: int | None = None
    messages_until: int | None = None


class SystemEntry(SystemMessage, frozen=True, kw_only=True, tag_field="role", tag="system"):
    """A message of the session's configuration. id, at: see SessionMessage."""

    id: str
    at: float | None = None


class UserEntry(UserMessage, frozen=True, kw_only=True, tag_field="role", tag="user"):
    """A message of the user. id, at: see SessionMessage."""

    id: str
    at: float | None = None


class AssistantEntry(AssistantMessage, frozen=True, kw_only=True, tag_field="role", tag="assistant"):
    """An answer of the model. id, at: see SessionMessage."""

    id: str
    at: float | None = None


class ToolEntry(ToolMessage, frozen=True, kw_only=True, tag_field="role", tag="tool"):
    """The result of a call. id, at: see SessionMessage."""

    id: str
    at: float | None = None


SessionMessage: TypeAlias = SystemEntry | UserEntry | AssistantEntry | ToolEntry
"""A message of a session. id: unique and permanent. at: Unix seconds; null if that is unknown."""


class Session(SessionInfo, frozen=True, kw_only=True):
    """A session with its content.

    partial: the turn that runs, or null. sub_agents: the sessions of those that answered calls of this one.
    conversation: without the turn that runs. streams: in the order in which they began.
    """

    partial: RunningTurn | None = None
    sub_agents: list[SessionInfo] = []
    conversation: tuple[SessionMessage, ...]
    streams: list[SessionStream]


class SessionPage(Struct, frozen=True):
    """A page of sessions."""

    sessions: list[SessionInfo]
