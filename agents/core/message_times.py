"""The times of a turn's messages, from its events."""

from collections.abc import Iterable
from typing import Any, Final

from agents.core.conversation import AssistantMessage, Conversation, Message, ToolMessage
from agents.core.errors import InvalidAnswer
from agents.core.events import (
    Event,
    StreamComplete,
    StreamError,
    StreamFunctionExecutionStart,
    StreamReset,
    StreamStart,
    StreamToolResult,
)

_READ: Final[frozenset[type[Any]]] = frozenset(
    {StreamStart, StreamFunctionExecutionStart, StreamReset, StreamToolResult, StreamComplete, StreamError}
)


def times_of(messages: Conversation, events: Iterable[Event]) -> tuple[float | None, ...]:
    """Return the Unix time of each message, or None where it is unknown.

    messages: those that the turn appends to the conversation, the user's first. A question has the time of the turn's
    begin, a tool's message that of its result, an answer that of its end. A message without an event, such as one that
    the user added to the running turn, has the time of the message before it.
    """
    moments = [event for event in events if type(event) in _READ]
    at = moments[0].at if moments else None
    last_answer = max((place for place, each in enumerate(messages) if isinstance(each, AssistantMessage)), default=0)
    times = list[float | None]()
    for place, message in enumerate(messages):
        end = next((n for n, event in enumerate(moments) if _ends(message, event, last=place == last_answer)), None)
        if end is not None:
            at = moments[end].at
            if not isinstance(message, ToolMessage):  # results arrive in any order
                del moments[: end + 1]
        times.append(at)
    return tuple(times)


def _ends(message: Message, event: Event, *, last: bool) -> bool:
    """Return whether the message was whole with this event. last: no answer follows it."""
    match message, event:
        case ToolMessage(tool_call_id=id_), StreamToolResult(call):
            return call.id == id_
        case AssistantMessage(tool_calls=(_, *_)), StreamFunctionExecutionStart():
            return True
        case AssistantMessage(tool_calls=()), StreamReset(InvalidAnswer()):
            return not last
        case AssistantMessage(tool_calls=()), StreamComplete() | StreamError():
            return last
    return False
