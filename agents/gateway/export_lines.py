"""The shapes of the lines of a session's export. sessions.history writes the lines."""

from typing import Final

from msgspec import Struct

from agents.core.conversation import Message
from agents.core.events import Event
from agents.sessions.records import SessionRecord, StreamRecord


class SessionLine(SessionRecord, frozen=True, tag_field="type", tag="session"):
    """The first line of an export."""


class MessageLine(Struct, frozen=True, tag_field="type", tag="message"):
    """A message. position: its index in the conversation, from 0. sent_at: Unix seconds; null if that is unknown."""

    position: int
    message: Message
    sent_at: float | None = None


class StreamLine(StreamRecord, frozen=True, tag_field="type", tag="stream"):
    """A stream. The lines of its events follow."""


class EventLine(Struct, frozen=True, tag_field="type", tag="event"):
    event: Event


class PartLine(Struct, frozen=True, tag_field="type", tag="part"):
    """The bytes of an image, a sound or a file. data: in base64; null if the store lacks the bytes."""

    sha256: str
    size_bytes: int
    data: str | None


ExportLine: Final = SessionLine | MessageLine | StreamLine | EventLine | PartLine
