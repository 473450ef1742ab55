"""Sessions as text for people."""

from collections.abc import Iterator
from datetime import datetime

from agents.cli.view.printable import one_line, printable
from agents.client import Session, SessionInfo, SessionStream
from agents.core.conversation import AssistantMessage, Message, SystemMessage, ToolMessage, UserMessage
from agents.core.parts import text_of

TITLE_CHARS = 60


def line_of(session: SessionInfo) -> str:
    """Return the session's id, last change, number of messages and title in one line."""
    title = one_line(session.title or session.name)[:TITLE_CHARS]
    runs = "  runs" if session.live else ""
    return f"{one_line(session.id)}  {_time(session.updated_at)}  {session.message_count:>5}  {title}{runs}"


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
    return f"stream {one_line(stream.id)}  {_time(stream.begun_at)}  {stream.status}  {stream.last_seq} events"


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


def _time(at: datetime | None) -> str:
    return "-" if at is None else f"{at.astimezone():%Y-%m-%d %H:%M:%S}"
