"""A checkpoint in parts: each part has what is new since the checkpoint before it, and never changes.

A checkpoint of a long turn is large, and a turn has many of them. So the store keeps a small head, which the next
checkpoint replaces, and parts, to which the next checkpoint adds one. The messages of a model call whose calls have
ended are not written again: they follow from its answer and its results.
"""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from agents.core.checkpoint import TurnCheckpoint
from agents.core.conversation import AssistantMessage, Conversation, ToolMessage
from agents.core.events import ToolResult
from agents.core.parts import Content, TextPart, media_of, text_of
from agents.core.round import Round, ToolFinished


class TurnPart(Struct, frozen=True, omit_defaults=True):
    """The growth of a turn between two checkpoints.

    ended: the results with which the running calls ended. messages: those after the messages of these calls.
    answer: the answer whose calls now run. results: the new results of the running calls. said: the new text of ended
    model calls. errors: the new ones of the tally.
    """

    ended: tuple[ToolFinished, ...] = ()
    messages: Conversation = ()
    answer: AssistantMessage | None = None
    results: tuple[ToolFinished, ...] = ()
    said: str = ""
    errors: tuple[str, ...] = ()


NOTHING = TurnPart()


def head_of(now: TurnCheckpoint) -> TurnCheckpoint:
    """Return the checkpoint without the fields that its parts have."""
    tally = None if now.tally is None else replace(now.tally, errors=())
    calling = now.executing is not None
    return replace(now, messages=(), executing=None, results=(), said="", calls=(), tally=tally, calling=calling)


def growth(before: TurnCheckpoint, now: TurnCheckpoint) -> TurnPart:
    """Return the growth of a turn between two of its checkpoints."""
    messages = now.messages[len(before.messages) :]
    ended: tuple[ToolFinished, ...] = ()
    answer, results = now.executing, now.results
    if before.executing is not None:
        if messages:
            ended = _ended(before.executing, before.results, messages)
            messages = messages[1 + len(before.executing.tool_calls) :] if ended else messages
        else:
            answer, results = None, now.results[len(before.results) :]
    errors = () if now.tally is None else now.tally.errors
    known = 0 if before.tally is None else len(before.tally.errors)
    for_the_model = tuple(replace(each, result=replace(each.result, value=None)) for each in results)
    return TurnPart(ended, messages, answer, for_the_model, now.said[len(before.said) :], errors[known:])


def whole(head: TurnCheckpoint, parts: Iterable[TurnPart]) -> TurnCheckpoint:
    """Return the checkpoint with this head and these parts. A checkpoint without parts is whole."""
    messages: list[Conversation] = [head.messages]
    running, results = head.executing, head.results
    said, errors = [head.said], list[str]() if head.tally is None else [*head.tally.errors]
    for part in parts:
        if running is not None and part.ended:
            messages.append(_messages(running, (*results, *part.ended)))
        if part.ended or part.messages:
            running, results = None, ()
        messages.append(part.messages)
        running, results = part.answer or running, (*results, *part.results)
        said.append(part.said)
        errors += part.errors
    conversation = tuple(message for some in messages for message in some)
    answers = [each for each in (*conversation, running) if isinstance(each, AssistantMessage)]
    return replace(
        head,
        messages=conversation,
        executing=running,
        results=results,
        said="".join(said),
        calls=tuple(call for answer in answers for call in answer.tool_calls),
        tally=None if head.tally is None else replace(head.tally, errors=tuple(errors)),
        calling=False,
    )


def _ended(
    answer: AssistantMessage, results: tuple[ToolFinished, ...], messages: Conversation
) -> tuple[ToolFinished, ...]:
    """Return the results that were still missing, or none if these messages do not begin with the answer's."""
    calls = answer.tool_calls
    known = {each.index for each in results}
    missing = tuple(
        ToolFinished(call.index, _result_of(message.content))
        for call, message in zip(calls, messages[1:], strict=False)
        if call.index not in known and isinstance(message, ToolMessage)
    )
    same = messages[: 1 + len(calls)] == _messages(answer, results + missing)
    return missing if same else ()


def _messages(answer: AssistantMessage, results: tuple[ToolFinished, ...]) -> Conversation:
    return (answer, *Round(answer.tool_calls, results=results).messages())


def _result_of(content: Content) -> ToolResult:
    """Return the result whose message has this content."""
    if isinstance(content, str):
        return ToolResult(content)
    return ToolResult(text_of(tuple(part for part in content if isinstance(part, TextPart))), parts=media_of(content))
