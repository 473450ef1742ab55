"""Records of the store in the shapes that clients get. The gateway and the command line use these functions."""

import msgspec
from msgspec import structs

from agents.contract.sessions import Session, SessionInfo, SessionStream
from agents.core.conversation import Conversation
from agents.sessions import records


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
    )


def session(info: SessionInfo, conversation: Conversation, streams: list[SessionStream]) -> Session:
    """Return a session with its content."""
    return Session(**structs.asdict(info), conversation=conversation, streams=streams)


def session_stream(record: records.StreamRecord) -> SessionStream:
    """Return a stream of a session, with its status in the store."""
    return msgspec.convert(record, SessionStream, from_attributes=True)
