"""Sessions as text for people."""

from collections.abc import Iterator
from typing import Final

from agents.cli.listing import NOTHING, time_of
from agents.cli.view.printable import one_line, printable
from agents.cli.view.table import Column, cut
from agents.client import Session, SessionInfo, SessionStream
from agents.core.conversation import AssistantMessage, Message, SystemMessage, ToolMessage, UserMessage
from agents.core.parts import text_of

TITLE_CHARS: Final = 60

COLUMNS: Final = (
    Column("SESSION", least=8),
    Column("UPDATED", rank=2),
    Column("MESSAGES", right=True, rank=4),
    Column("STATE", rank=3),
    Column("OWNER", least=5, rank=1),
    Column("TITLE", least=8),
)


def row_of(session: SessionInfo) -> tuple[str, ...]:
    """Return the session's cells of a list. An agent that does not run sleeps: a message wakes it."""
    title = cut(one_line(session.title or session.name), TITLE_CHARS)
    figures = time_of(session.updated_at), str(session.message_count), "runs" if session.live else "sleeps"
    return one_line(session.id), *figures, one_line(session.owner or NOTHING), title


def line_of(session: SessionInfo) -> str:
    """Return the session's id, last change, number of messages and title in one line."""
    title = one_line(session.title or session.name)[:TITLE_CHARS]
    runs = "  runs" if session.live else ""
    return f"{one_line(session.id)}  {time_of(session.updated_at)}  {session.message_count:>5}  {title}{runs}"


def lines_of(session: Session) -> Iterator[str]:
    """Yield the session's line, its messages, its streams and its sub-agents, with an empty line before each."""
    yield line_of(session)
    for message in session.conversation:
        yield f"\n{_message(message)}"
    for stream in session.streams:
        yield f"\n{_stream(stream)}"
    for each in session.sub_agents:
        yield f"\nsub-agent {line_of(each)}"


def _stream(stream: SessionStream) -> str:
    return f"stream {one_line(stream.id)}  {time_of(stream.begun_at)}  {stream.status}  {stream.last_seq} events"


def _message(message: Message) -> str:
    """Return the message's text and the names of its calls."""
    calls = message.tool_calls if isinstance(message, AssistantMessage) else ()
    called = "".join(f"\n  calls {one_line(call.name)}" for call in calls)
    return f"{_speaker(message)}: {printable(text_of(message.content))}{called}"


def _speaker(message: Message) -> str:
    match message:
        case SystemMessage():
            return "system"
        case UserMessage():
            return "user"
        case AssistantMessage(partial=partial):
            return "assistant, cut" if partial else "assistant"
        case ToolMessage(name=name):
            return f"tool {one_line(name)}"
