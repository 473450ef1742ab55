"""What a terminal shows of a turn, as a value: `step(view, happened, now_s) -> (view, finished blocks)`.

A block that is finished is printed once and scrolls away with the rest; only what still changes is drawn again and
again. So an answer of any length stays on the screen whole.

    Said | Thought     whole lines of the answer, of the reasoning
    Called             the calls of one model call, with their results and what was noted while they ran
    Noted              a line about the turn
    Ended              the figures of the finished turn
"""

from typing import TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from agents.core.conversation import ToolCall
from agents.core.events import (
    Event,
    Response,
    StreamApprovalRequired,
    StreamComplete,
    StreamError,
    StreamFunctionArgumentsDelta,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamFunctionExecutionStart,
    StreamReasoning,
    StreamReset,
    StreamStart,
    StreamToken,
    StreamToolProgress,
    StreamToolResult,
    StreamUsage,
    StreamWarning,
    ToolResult,
)


class Note(Struct, frozen=True):
    """A line about the turn that is no event of it. report: a supervisor's, in its own words."""

    text: str
    report: bool = False


class Call(Struct, frozen=True):
    """A tool call: its arguments as far as they have come, since when it runs, its result.

    progress: what its tool said last, or what it waits for.
    """

    index: int
    name: str
    arguments: str = ""
    started_s: float | None = None
    result: ToolResult | None = None
    progress: str = ""


class Said(Struct, frozen=True):
    text: str


class Thought(Struct, frozen=True):
    text: str


class Called(Struct, frozen=True):
    """A call without a result was given up: the turn ended before it."""

    calls: tuple[Call, ...]
    notes: tuple[Note, ...] = ()


class Noted(Struct, frozen=True):
    note: Note


class Ended(Struct, frozen=True):
    response: Response


Block: TypeAlias = Said | Thought | Called | Noted | Ended


class View(Struct, frozen=True):
    """What still changes. text: the last line of the answer, or of the reasoning while `thinking`. said: something of
    the present model call is on the screen."""

    text: str = ""
    thinking: bool = False
    calls: tuple[Call, ...] = ()
    notes: tuple[Note, ...] = ()
    said: bool = False


Step: TypeAlias = tuple[View, tuple[Block, ...]]


def step(view: View, happened: Event | Note, now_s: float) -> Step:
    """The next view, and the blocks that nothing will change any more.

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
            return view, (Noted(happened),)
        case StreamComplete(response):
            view, finished = close(view)
            return view, (*finished, Ended(response))
        case StreamError():
            return close(view)
        case StreamReset(reason) if view.said:
            view, finished = close(view)
            return view, (*finished, Noted(Note(f"what it said last is void, it is asked again: {reason}")))
        case StreamWarning(reason):
            return step(view, Note(f"some of the answer may be missing: {reason}"), now_s)
        case StreamStart() | StreamUsage():
            return view, ()
        case StreamFunctionCallStarted(call):
            return _called(view, call)
        case StreamToolResult(call, result):
            return _answered(view, call, result)
        case _:
            return replace(view, calls=tuple(_stepped(call, happened, now_s) for call in view.calls)), ()


def close(view: View) -> Step:
    """Finish all that is open as it stands: the turn is over, or nobody watches it any more."""
    called: tuple[Block, ...] = (Called(view.calls, view.notes),) if view.calls else ()
    _, said = _text_closed(replace(view, notes=()) if view.calls else view)
    return View(), (*called, *said)


def _written(view: View, text: str, *, thinking: bool) -> Step:
    """Whole lines are finished; but while calls run they wait, so that the order stays."""
    finished: tuple[Block, ...] = ()
    if view.text and view.thinking is not thinking:
        view, finished = _text_closed(view)
    view = replace(view, text=view.text + text, thinking=thinking, said=True)
    lines, newline, rest = view.text.rpartition("\n")
    if not newline or view.calls:
        return view, finished
    noted = tuple(map(Noted, view.notes))
    return replace(view, text=rest, notes=()), (*finished, _text_block(view, lines), *noted)


def _called(view: View, call: ToolCall) -> Step:
    finished: tuple[Block, ...] = ()
    if not view.calls:
        view, finished = _text_closed(view)
    return replace(view, calls=(*view.calls, Call(call.index, call.name)), said=True), finished


def _answered(view: View, call: ToolCall, result: ToolResult) -> Step:
    calls = tuple(replace(each, result=result) if each.index == call.index else each for each in view.calls)
    view = replace(view, calls=calls)
    if all(each.result is not None for each in calls):
        return replace(view, calls=(), notes=(), said=False), (Called(calls, view.notes),)
    return view, ()


def _stepped(call: Call, event: Event, now_s: float) -> Call:
    match event:
        case StreamFunctionArgumentsDelta(index, delta) if index == call.index:
            return replace(call, arguments=call.arguments + delta)
        case StreamFunctionCallComplete(whole) if whole.index == call.index:
            return replace(call, arguments=whole.arguments)
        case StreamFunctionExecutionStart():
            return replace(call, started_s=now_s)
        case StreamToolProgress(whole, data) if whole.index == call.index:
            return replace(call, progress=data if isinstance(data, str) else msgspec.json.encode(data).decode())
        case StreamApprovalRequired(whole) if whole.index == call.index:
            return replace(call, progress="waits for approval")
    return call


def _text_closed(view: View) -> Step:
    """Reasoning that ends is followed by an empty line."""
    said = (_text_block(view, f"{view.text}\n" if view.thinking else view.text),) if view.text else ()
    return replace(view, text="", notes=()), (*said, *map(Noted, view.notes))


def _text_block(view: View, text: str) -> Said | Thought:
    return Thought(text) if view.thinking else Said(text)
