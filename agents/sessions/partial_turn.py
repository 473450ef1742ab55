"""The messages of a turn up to one of its events.

The events show how far the turn was. The recorded messages show its content. Completed model calls are taken from
these, because they have data that no event carries. That data is user messages that joined the turn, and reasoning
that only its own model can read. The model call at the event has only the content of its events.
"""

from collections.abc import Iterable

from agents.core.conversation import AssistantMessage, Conversation, ToolCall, ToolMessage, UserMessage
from agents.core.events import (
    Event,
    StreamFunctionCallComplete,
    StreamFunctionExecutionStart,
    StreamReasoning,
    StreamReset,
    StreamToken,
    StreamToolResult,
)
from agents.core.parts import Content


def partial_turn(message: Content, events: Iterable[Event], recorded: Conversation = ()) -> Conversation:
    """Return the user's message, the completed model calls with their results, and the partial last answer, marked.

    Calls that did not begin to run are left out, since a history must not hold a call without an answer. Text that a
    stream_reset voided is left out, too.
    recorded: the turn's messages, the user's first. For a turn that runs, those recorded so far. Missing messages are
    made from the events.
    """
    past = _Past(message, recorded)
    calls: tuple[ToolCall, ...] = ()
    text = thoughts = ""
    for event in events:
        match event:
            case StreamToken(token):
                text += token
            case StreamReasoning(thought):
                thoughts += thought
            case StreamFunctionCallComplete(call):
                calls = (*calls, call)
            case StreamFunctionExecutionStart():
                past.called(AssistantMessage(text, calls, thoughts))
                text, thoughts, calls = "", "", ()
            case StreamToolResult(call, result):
                past.answered(ToolMessage(call.id, call.name, result.for_the_model))
            case StreamReset():
                text, thoughts, calls = "", "", ()
    rest = past.continued(text)
    return (*past.messages, AssistantMessage(rest, reasoning=thoughts, partial=True)) if rest else past.messages


class _Past:
    """The messages of the completed model calls, and the results since the last one.

    place: the position up to which `recorded` was used. None if `recorded` stopped matching the events, which then
    count.
    """

    def __init__(self, message: Content, recorded: Conversation) -> None:
        self._messages: Conversation = (UserMessage(message),)
        self._recorded = recorded
        self._place: int | None = 1
        self._results: tuple[ToolMessage, ...] = ()
        self._wanted = 0

    @property
    def messages(self) -> Conversation:
        return (*self._messages, *self._results)

    def called(self, message: AssistantMessage) -> None:
        """Add a model call that is complete, and whose calls run."""
        self._messages, self._results, self._wanted = self.messages, (), len(message.tool_calls)
        if (at := self._call_at(message)) is None:
            self._place = None
            self._messages = (*self._messages, message)
        else:
            self._take(at + 1)

    def answered(self, result: ToolMessage) -> None:
        """Add a result. After the last one the model is asked again, with the user messages that arrived meanwhile."""
        self._results = (*self._results, result)
        if self._place is None or len(self._results) < self._wanted:
            return
        results = self._next(self._place, ToolMessage)
        if len(results) == self._wanted:
            self._results = ()
            self._take(self._place + len(results))
            self._take(self._place + len(self._next(self._place, UserMessage)))

    def continued(self, text: str) -> str:
        """Return the part of the text that belongs to the present model call.

        An earlier model call may have ended without calls, because the user or the answer's type required more.
        """
        while self._place is not None and not self._results:
            match self._recorded[self._place : self._place + 2]:
                case (AssistantMessage(content, ()), UserMessage()) if text.startswith(content) and text != content:
                    text = text[len(content) :]
                    self._take(self._place + 1)
                    self._take(self._place + len(self._next(self._place, UserMessage)))
                case _:
                    break
        return text

    def _call_at(self, message: AssistantMessage) -> int | None:
        """Return the position of this message among the recorded ones."""
        ids = [call.id for call in message.tool_calls]
        for at in range(self._place, len(self._recorded)) if self._place is not None else ():
            match self._recorded[at]:
                case AssistantMessage(tool_calls=calls) if calls:
                    return at if [call.id for call in calls] == ids else None
        return None

    def _next(self, place: int, kind: type[ToolMessage | UserMessage]) -> Conversation:
        """Return the consecutive messages of this kind from the position on."""
        end = place
        while end < len(self._recorded) and isinstance(self._recorded[end], kind):
            end += 1
        return self._recorded[place:end]

    def _take(self, until: int) -> None:
        assert self._place is not None
        self._messages = (*self._messages, *self._recorded[self._place : until])
        self._place = until
