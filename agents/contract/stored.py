"""Records of the store in the shapes that clients get. The gateway and the command line use these functions."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import structs

from agents.contract.effects import EffectInfo
from agents.contract.sessions import (
    AssistantEntry,
    Session,
    SessionInfo,
    SessionMessage,
    SessionStream,
    SystemEntry,
    ToolEntry,
    UserEntry,
)
from agents.core.conversation import AssistantMessage, Message, SystemMessage, ToolMessage, UserMessage
from agents.core.running_turn import RunningTurn
from agents.sessions import records
from agents.sessions.records import DatedMessage
from agents.sessions.side_records import EffectRecord

ENTRIES: Final[Mapping[type[Message], type[SessionMessage]]] = {
    SystemMessage: SystemEntry,
    UserMessage: UserEntry,
    AssistantMessage: AssistantEntry,
    ToolMessage: ToolEntry,
}


def effect_info(record: EffectRecord) -> EffectInfo:
    return EffectInfo(**{name: getattr(record, name) for name in EffectInfo.__struct_fields__})


def session_info(record: records.ListedSession, *, live: bool) -> SessionInfo:
    """Return a session without its content. live: whether its agent has a process now."""
    return SessionInfo(
        id=record.id,
        name=record.name,
        title=record.title,
        live=live,
        owner=record.owner,
        created_at=record.created_at,
        updated_at=record.updated_at,
        message_count=record.message_count,
        parent_id=record.parent_id,
    )


def session(
    info: SessionInfo,
    conversation: Iterable[DatedMessage],
    streams: list[SessionStream],
    partial: RunningTurn | None = None,
    sub_agents: Sequence[SessionInfo] = (),
) -> Session:
    """Return a session with its content."""
    messages = tuple(session_message(info.id, place, each) for place, each in enumerate(conversation))
    known = structs.asdict(info)
    return Session(**known, partial=partial, sub_agents=[*sub_agents], conversation=messages, streams=streams)


def session_message(session_id: str, place: int, dated: DatedMessage) -> SessionMessage:
    """Return a message of a session. place: its position in the conversation, which only grows."""
    fields: tuple[Any, ...] = structs.astuple(dated.message)
    return ENTRIES[type(dated.message)](*fields, id=f"{session_id}-{place}", at=dated.sent_at)


def session_stream(record: records.StreamRecord) -> SessionStream:
    """Return a stream of a session, with its status in the store."""
    return msgspec.convert(record, SessionStream, from_attributes=True)
