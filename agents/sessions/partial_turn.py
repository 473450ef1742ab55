"""What a conversation has of a turn that is taken up to one of its events.

The events say how far the turn was, the messages that were recorded what it was made of: model calls that are over are
taken from these, with what no event says (what the user said while the turn ran, what only the model that said it can
read). The call that the event is in the middle of has what its events say.
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


def partial_turn(message: str, events: Iterable[Event], recorded: Conversation = ()) -> Conversation:
    """The user's message, the model calls that are over with their results, and what the last one had said, marked.

    Calls that did not begin to run are left out, since a history must not hold a call that nobody answers; so is what a
    stream_reset took back. recorded: the turn's messages, the user's first; of a turn that runs, those that there are;
    what it lacks is made from the events.
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
                past.answered(ToolMessage(call.id, call.name, result.content))
            case StreamReset():
                text, thoughts, calls = "", "", ()
    rest = past.continued(text)
    return (*past.messages, AssistantMessage(rest, reasoning=thoughts, partial=True)) if rest else past.messages


class _Past:
    """The messages of the model calls that are over, and of the results that came since the last one.

    place: up to where `recorded` was taken; None: from somewhere on it does not fit the events, which are believed.
    """

    def __init__(self, message: str, recorded: Conversation) -> None:
        self._messages: Conversation = (UserMessage(message),)
        self._recorded = recorded
        self._place: int | None = 1
        self._results: tuple[ToolMessage, ...] = ()
        self._wanted = 0

    @property
    def messages(self) -> Conversation:
        return (*self._messages, *self._results)

    def called(self, said: AssistantMessage) -> None:
        """The model call is over, and its calls run."""
        self._messages, self._results, self._wanted = self.messages, (), len(said.tool_calls)
        if (at := self._call_at(said)) is None:
            self._place = None
            self._messages = (*self._messages, said)
        else:
            self._take(at + 1)

    def answered(self, result: ToolMessage) -> None:
        """With the last result the model is asked again, with what the user has said meanwhile."""
        self._results = (*self._results, result)
        if self._place is None or len(self._results) < self._wanted:
            return
        results = self._next(self._place, ToolMessage)
        if len(results) == self._wanted:
            self._results = ()
            self._take(self._place + len(results))
            self._take(self._place + len(self._next(self._place, UserMessage)))

    def continued(self, text: str) -> str:
        """What of the text the present model call has said: one before it ended without calls when the user, or the
        answer's type, had more to say."""
        while self._place is not None and not self._results:
            match self._recorded[self._place : self._place + 2]:
                case (AssistantMessage(content, ()), UserMessage()) if text.startswith(content) and text != content:
                    text = text[len(content) :]
                    self._take(self._place + 1)
                    self._take(self._place + len(self._next(self._place, UserMessage)))
                case _:
                    break
        return text

    def _call_at(self, said: AssistantMessage) -> int | None:
        """The place of this message, as it was recorded."""
        ids = [call.id for call in said.tool_calls]
        for at in range(self._place, len(self._recorded)) if self._place is not None else ():
            match self._recorded[at]:
                case AssistantMessage(tool_calls=calls) if calls:
                    return at if [call.id for call in calls] == ids else None
        return None

    def _next(self, place: int, kind: type[ToolMessage | UserMessage]) -> Conversation:
        """The messages of a kind that come next."""
        end = place
        while end < len(self._recorded) and isinstance(self._recorded[end], kind):
            end += 1
        return self._recorded[place:end]

    def _take(self, until: int) -> None:
        assert self._place is not None
        self._messages = (*self._messages, *self._recorded[self._place : until])
        self._place = until
