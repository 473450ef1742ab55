"""The terminal's picture of a turn, as a value: `step(view, happened, now_s) -> (view, finished blocks)`.

A finished block is printed once and scrolls away. Only the unfinished part is drawn again, so the screen shows an
answer of any length in full.

    AnswerText | ReasoningText   whole lines of the answer, of the reasoning
    CallTable                    the calls of one model call, with results and the notes made meanwhile
    NoteLine                     a line about the turn
    TurnFigures                  the metrics of the finished turn
"""

from typing import TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from agents.cli.view.markdown import whole_blocks
from agents.core.conversation import ToolCall
from agents.core.events import (
    Event,
    OwnEvent,
    StreamApprovalDecided,
    StreamApprovalRequired,
    StreamCompacted,
    StreamComplete,
    StreamError,
    StreamFunctionArgumentsDelta,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamFunctionExecutionStart,
    StreamHandoff,
    StreamReasoning,
    StreamReset,
    StreamStart,
    StreamSubAgent,
    StreamToken,
    StreamToolProgress,
    StreamToolResult,
    StreamToolStart,
    StreamUsage,
    StreamWarning,
    ToolResult,
)
from agents.core.response import Response


class Note(Struct, frozen=True):
    """A line about the turn, in addition to its events.

    report: the line is a supervisor's report, in the supervisor's words.
    """

    text: str
    report: bool = False


class Call(Struct, frozen=True):
    """A tool call: the arguments that have arrived, the start of its run, its result.

    progress: the latest progress of its tool or its sub-agent, or the reason why the call waits.
    """

    index: int
    name: str
    arguments: str = ""
    started_s: float | None = None
    result: ToolResult | None = None
    progress: str = ""
    id: str = ""


class AnswerText(Struct, frozen=True):
    text: str


class ReasoningText(Struct, frozen=True):
    text: str


class CallTable(Struct, frozen=True):
    """The calls of one model call. A call without a result did not finish before the end of the turn."""

    calls: tuple[Call, ...]
    notes: tuple[Note, ...] = ()


class NoteLine(Struct, frozen=True):
    note: Note


class TurnFigures(Struct, frozen=True):
    response: Response


Block: TypeAlias = AnswerText | ReasoningText | CallTable | NoteLine | TurnFigures


class View(Struct, frozen=True):
    """The unfinished part of the picture.

    text: the last line of the answer, or of the reasoning while `thinking`. has_output: the screen shows output of the
    current model call. markdown: the answer is Markdown, so that a block of it is finished as a whole; text is then the
    last block.
    """

    text: str = ""
    thinking: bool = False
    calls: tuple[Call, ...] = ()
    notes: tuple[Note, ...] = ()
    has_output: bool = False
    markdown: bool = False


Step: TypeAlias = tuple[View, tuple[Block, ...]]


def step(view: View, happened: Event | Note, now_s: float) -> Step:
    """Return the next view, and the blocks that are now final.

    now_s: monotonic seconds, for the clocks of the calls.
    """
    match happened:
        case StreamToken(token):
            return _written(view, token, thinking=False)
        case StreamReasoning(text):
            return _written(view, text, thinking=True)
        case Note() if view.text or view.calls:
            return replace(view, notes=(*view.notes, happened)), ()
        case Note():
            return view, (NoteLine(happened),)
        case StreamComplete(response):
            view, finished = close(view)
            return view, (*finished, TurnFigures(response))
        case StreamError():
            return close(view)
        case StreamReset(reason) if view.has_output:
            view, finished = close(view)
            return view, (*finished, NoteLine(Note(f"the last output is void; the model is asked again: {reason}")))
        case StreamWarning(reason):
            return step(view, Note(f"some of the answer may be missing: {reason}"), now_s)
        case StreamCompacted():
            return step(view, Note(str(happened)), now_s)
        case StreamHandoff(speaker):
            return step(view, Note(f"{speaker} speaks"), now_s)
        case StreamStart() | StreamUsage() | StreamFunctionExecutionStart():
            return view, ()
        case StreamFunctionCallStarted(call):
            return _called(view, call)
        case StreamToolResult(call, result):
            return _answered(view, call, result)
        case _:
            return replace(view, calls=tuple(_stepped(call, happened, now_s) for call in view.calls)), ()


def close(view: View) -> Step:
    """Finish every unfinished block as it is: the turn is over, or its display ends."""
    called: tuple[Block, ...] = (CallTable(view.calls, view.notes),) if view.calls else ()
    _, text = _text_closed(replace(view, notes=()) if view.calls else view)
    return View(markdown=view.markdown), (*called, *text)


def _written(view: View, text: str, *, thinking: bool) -> Step:
    """Add text, and finish its whole lines or blocks. They wait while calls run, so that their order stays."""
    finished: tuple[Block, ...] = ()
    if view.text and view.thinking is not thinking:
        view, finished = _text_closed(view)
    view = replace(view, text=view.text + text, thinking=thinking, has_output=True)
    if "\n" not in text or view.calls or not (whole := _whole(view)):
        return view, finished
    noted = tuple(map(NoteLine, view.notes))
    block = _text_block(view, view.text[: whole - 1])
    return replace(view, text=view.text[whole:], notes=()), (*finished, block, *noted)


def _whole(view: View) -> int:
    """Return the length of the finished lines, or of the finished blocks of Markdown."""
    return whole_blocks(view.text) if view.markdown and not view.thinking else view.text.rfind("\n") + 1


def _called(view: View, call: ToolCall) -> Step:
    finished: tuple[Block, ...] = ()
    if not view.calls:
        view, finished = _text_closed(view)
    return replace(view, calls=(*view.calls, Call(call.index, call.name, id=call.id)), has_output=True), finished


def _answered(view: View, call: ToolCall, result: ToolResult) -> Step:
    calls = tuple(replace(each, result=result) if each.index == call.index else each for each in view.calls)
    view = replace(view, calls=calls)
    if all(each.result is not None for each in calls):
        return replace(view, calls=(), notes=(), has_output=False), (CallTable(calls, view.notes),)
    return view, ()


def _stepped(call: Call, event: Event, now_s: float) -> Call:
    match event:
        case StreamFunctionArgumentsDelta(index, delta) if index == call.index:
            return replace(call, arguments=call.arguments + delta)
        case StreamFunctionCallComplete(whole) if whole.index == call.index:
            return replace(call, arguments=whole.arguments)
        case StreamToolStart(whole) if whole.index == call.index:
            return replace(call, arguments=whole.arguments, started_s=now_s, progress="")
        case StreamToolProgress(whole, data) if whole.index == call.index:
            return replace(call, progress=data if isinstance(data, str) else msgspec.json.encode(data).decode())
        case StreamSubAgent((call_id, *deeper), below) if call_id == call.id and (words := doing(below)):
            return replace(call, progress=f"{'> ' * len(deeper)}{words}")
        case StreamApprovalRequired(whole) if whole.index == call.index:
            return replace(call, progress=_waits(event))
        case StreamApprovalDecided(whole, decision, by) if whole.index == call.index:
            return replace(call, progress=f"{decision} by {by}" if by else decision)
    return call


def doing(event: OwnEvent) -> str:
    """Return what a sub-agent does since the event; nothing for an event that tells no more than the one before."""
    match event:
        case StreamToken():
            return "writes"
        case StreamReasoning():
            return "thinks"
        case StreamToolStart(call):
            return f"{call.name} {call.arguments}"
        case StreamApprovalRequired(call):
            return f"{call.name} {_waits(event)}"
        case StreamReset(reason):
            return f"asks its model again: {reason}"
    return ""


def _text_closed(view: View) -> Step:
    """Finish the text. An empty line follows reasoning."""
    blocks = (_text_block(view, f"{view.text}\n" if view.thinking else view.text),) if view.text else ()
    return replace(view, text="", notes=()), (*blocks, *map(NoteLine, view.notes))


def _text_block(view: View, text: str) -> AnswerText | ReasoningText:
    return ReasoningText(text) if view.thinking else AnswerText(text)


def _waits(event: StreamApprovalRequired) -> str:
    return "waits for approval" if event.question is None else "waits for an answer"
