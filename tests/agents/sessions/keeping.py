"""Short forms of batches for the tests."""

from datetime import UTC, datetime

from agents.core.conversation import AssistantMessage, Conversation, UserMessage
from agents.core.deltas import Usage
from agents.core.events import Event, StreamToken
from agents.sessions import Batch, Checkpoint, SessionBegun, StreamBegun, StreamEnded, StreamStatus

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
QUESTION = "Why?"
SAID: Conversation = (UserMessage(QUESTION), AssistantMessage("Because."))
USAGE = Usage(input_tokens=3, output_tokens=5)


def tokens(stream_id: str, first: int, last: int, text: str = " word") -> list[Event]:
    return [StreamToken(text, stream_id=stream_id, seq=seq) for seq in range(first, last + 1)]


def batch(
    sessions: list[SessionBegun] | None = None,
    streams: list[StreamBegun] | None = None,
    events: list[tuple[str, list[Event]]] | None = None,
    checkpoints: list[Checkpoint] | None = None,
    ended: list[StreamEnded] | None = None,
) -> Batch:
    return Batch(sessions or [], streams or [], events or [], checkpoints or [], ended or [])


def session(id_: str, opening: Conversation = (), owner: str | None = None) -> SessionBegun:
    return SessionBegun(id_, "agent", {"model": "m"}, opening, AT, owner)


def stream(id_: str, session_id: str = "s", message: str = QUESTION) -> StreamBegun:
    return StreamBegun(id_, session_id, message, AT)


def ended(id_: str, session_id: str = "s", messages: Conversation = SAID) -> StreamEnded:
    return StreamEnded(id_, session_id, StreamStatus.COMPLETE, USAGE, 0.25, messages, AT)


def begun(stream_id: str = "t", session_id: str = "s", events: int = 3) -> Batch:
    """Return a batch with a session and a stream that has some tokens."""
    return batch([session(session_id)], [stream(stream_id, session_id)], [(stream_id, tokens(stream_id, 1, events))])
