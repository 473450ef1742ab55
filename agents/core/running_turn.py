"""A running turn as a client shows it: its text and its calls so far, folded from its events."""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from agents.core.conversation import Function, ToolCall
from agents.core.events import (
    Event,
    StreamApprovalDecided,
    StreamApprovalRequired,
    StreamFunctionArgumentsDelta,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamFunctionExecutionStart,
    StreamReasoning,
    StreamReset,
    StreamToken,
    StreamToolResult,
    StreamToolStart,
    ToolResult,
)
from agents.core.parts import Content
from agents.core.question import Question
from agents.core.turn_state import TurnState, state_of

CallStatus: TypeAlias = Literal["pending", "executing", "complete", "error"]


class RunningCall(Struct, frozen=True):
    """A call of a running turn.

    tool_call: with the arguments that have arrived. attempt_of_call: 0 before the call begins to run. started_at,
    ended_at: Unix seconds. approval: whether the call waits for a decision. question: of a call that asks.
    """

    tool_call: ToolCall
    status: CallStatus = "pending"
    attempt_of_call: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    approval: bool = False
    result: ToolResult | None = None
    question: Question | None = None


class RunningTurn(Struct, frozen=True):
    """A running turn.

    seq: that of the last event in this view; the events after it continue the view. begun_at: Unix seconds. message:
    the user's message. content: the turn's valid text so far. tool_calls: in the order of their beginning.
    """

    stream_id: str
    state: TurnState
    seq: int
    begun_at: float | None
    message: Content
    content: str
    reasoning: str
    tool_calls: tuple[RunningCall, ...]


def running_turn(stream_id: str, message: Content, events: Sequence[Event]) -> RunningTurn:
    """Return the turn that has these events so far. message: the user's message, which the turn answers."""
    fold = _Fold()
    for event in events:
        fold.add(event)
    return RunningTurn(
        stream_id,
        state_of(events),
        events[-1].seq if events else 0,
        events[0].at if events else None,
        message,
        "".join(fold.texts),
        "".join(fold.thoughts),
        fold.calls,
    )


class _Fold:
    """State: the valid texts, thoughts and calls, and the pieces of each call's arguments.

    ended: the numbers of thoughts and calls of the model calls that have ended.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.thoughts: list[str] = []
        self._calls: list[RunningCall] = []
        self._pieces: list[list[str]] = []
        self._ended = (0, 0)

    @property
    def calls(self) -> tuple[RunningCall, ...]:
        return tuple(map(_with_arguments, self._calls, self._pieces))

    def add(self, event: Event) -> None:
        match event:
            case StreamToken(text):
                self.texts.append(text)
            case StreamReasoning(text):
                self.thoughts.append(text)
            case StreamReset(content=content):
                thoughts, calls = self._ended
                self.texts = [content]
                del self.thoughts[thoughts:], self._calls[calls:], self._pieces[calls:]
            case StreamFunctionCallStarted(call):
                self._begin(call)
            case StreamFunctionArgumentsDelta(index, delta):
                if (place := self._place(index)) is not None:
                    self._pieces[place].append(delta)
            case StreamFunctionExecutionStart():
                self._ended = len(self.thoughts), len(self._calls)
            case _:
                self._add_to_call(event)

    def _add_to_call(self, event: Event) -> None:
        match event:
            case StreamFunctionCallComplete(call):
                self._change(call)
            case StreamApprovalRequired(call, question=question):
                self._change(call, approval=True, question=question)
            case StreamApprovalDecided(call):
                self._change(call, approval=False)
            case StreamToolStart(call, attempt):
                self._change(call, status="executing", approval=False, attempt_of_call=attempt, started_at=event.at)
            case StreamToolResult(call, result):
                status = "error" if result.error else "complete"
                self._change(call, status=status, approval=False, ended_at=event.at, result=result)

    def _change(self, call: ToolCall, **changes: Any) -> None:
        place = self._place(call.index)
        if place is None:
            place = self._begin(call)
        self._calls[place] = replace(self._calls[place], tool_call=call, **changes)
        self._pieces[place] = [call.arguments]

    def _begin(self, call: ToolCall) -> int:
        self._calls.append(RunningCall(call))
        self._pieces.append([])
        return len(self._calls) - 1

    def _place(self, index: int) -> int | None:
        """Return the position of the latest call with this index, or None."""
        places = reversed(range(len(self._calls)))
        return next((place for place in places if self._calls[place].tool_call.index == index), None)


def _with_arguments(call: RunningCall, pieces: list[str]) -> RunningCall:
    whole = call.tool_call
    return replace(call, tool_call=replace(whole, function=Function(whole.name, "".join(pieces))))
