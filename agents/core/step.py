"""The steps of a turn: `step(turn, happened, now_s)` returns the next turn and the effects.

The effects are events to publish, a model call to start, and calls to run. The shell, agents/streams/turn_shell.py,
carries them out and passes the results to the next step. The steps for calls are in execution.py.

    STREAMING --Finished, no calls--> ENDED                            stream_complete
    STREAMING --Finished, no calls--> CHECKING --AnswerChecked--> ENDED, or STREAMING again
    STREAMING --Finished, calls--> EXECUTING --all results--> STREAMING
    STREAMING, EXECUTING --calls of the client's tools--> ENDED        stream_complete
    STREAMING --Failed, too long a request--> STREAMING                stream_reset, stream_compacted
    STREAMING, EXECUTING --too long a conversation--> COMPACTING --Summarised--> STREAMING      stream_compacted
    STREAMING --Failed, may be retried--> STREAMING                    stream_reset
    STREAMING, COMPACTING --BudgetReached--> WAITING --BudgetDecided--> STREAMING, or ENDED
    any --Failed, a limit--> ENDED                                     stream_error
"""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from agents.core.accumulator import fold, fold_texts
from agents.core.asking import ask_again, budget_decided, budget_reached, next_model_call
from agents.core.below import sub_agent_published
from agents.core.context import rate_of
from agents.core.conversation import AssistantMessage, UserMessage
from agents.core.deltas import CallDone, Delta, Failed, Finished, TextDelta, Usage
from agents.core.depth import EXPECTED, too_deep
from agents.core.effects import (
    AnswerChecked,
    ApprovalAsked,
    BudgetDecided,
    BudgetReached,
    CheckAnswer,
    Effect,
    Happened,
    Steered,
    SubAgentPublished,
    Summarised,
    ToolCleared,
    ToolProgressed,
    ToolStarted,
)
from agents.core.errors import InvalidAnswer, ParseError
from agents.core.events import (
    Event,
    StreamComplete,
    StreamToolProgress,
    StreamToolStart,
    StreamWarning,
)
from agents.core.execution import approval_asked, eager, executing, tool_cleared, tool_finished
from agents.core.failing import failed, reset, summarised
from agents.core.limits import breach
from agents.core.retry import Again
from agents.core.round import ToolFinished
from agents.core.turn import (
    STREAMING,
    Past,
    Phase,
    Step,
    Turn,
    ended,
    fail,
    model_call_counted,
    response_of,
    with_event,
    with_steered,
)


def steps(turn: Turn, deltas: Sequence[Delta], now_s: float) -> Step:
    """Take one step per delta. Deltas that are all text, which is the usual case, are one step."""
    if len(deltas) == 1:
        return step(turn, deltas[0], now_s)
    texts = [delta.text for delta in deltas if type(delta) is TextDelta]
    if texts and len(texts) == len(deltas) and turn.phase is STREAMING and turn.acc.end is None:
        acc, events = fold_texts(turn.acc, texts, turn.past.tally.unix_s(now_s))
        return Turn(STREAMING, acc, _with_first_token(turn.past, now_s)), events
    effects: list[Effect] = []
    for delta in deltas:
        turn, more = step(turn, delta, now_s)
        effects += more
    return turn, tuple(effects)


def step(turn: Turn, happened: Happened, now_s: float) -> Step:
    """Return the next turn and its effects. An input that does not fit the phase, such as a late result, is ignored.

    now_s: monotonic seconds, as in begin.
    """
    if type(happened) is TextDelta:  # first: nearly all inputs are text
        if turn.phase is not STREAMING:
            return turn, ()
        past = turn.past
        tally = past.tally
        acc, events = fold(turn.acc, happened, tally.unix_s(now_s))
        return Turn(STREAMING, acc, past if tally.first_token_s is not None else _with_first_token(past, now_s)), events
    match turn.phase, happened:
        case Phase.ENDED, _:
            return turn, ()
        case _, Steered(message):
            return replace(turn, past=replace(turn.past, steered=(*turn.past.steered, message))), ()
        case Phase.EXECUTING, ToolFinished():
            return tool_finished(turn, happened, now_s)
        case Phase.EXECUTING, ToolStarted(index, attempt, at_s) if call := turn.past.round.call(index):
            return with_event(turn, StreamToolStart(call, attempt), at_s)
        case Phase.EXECUTING, ToolProgressed(index, data) if call := turn.past.round.call(index):
            return with_event(turn, StreamToolProgress(call, data), now_s)
        case Phase.EXECUTING, SubAgentPublished(index, event) if call := turn.past.round.call(index):
            return sub_agent_published(turn, call, event, now_s)
        case Phase.EXECUTING, ApprovalAsked(index) if call := turn.past.round.call(index):
            return approval_asked(turn, call, happened, now_s)
        case Phase.EXECUTING, ToolCleared(index) if call := turn.past.round.call(index):
            return tool_cleared(turn, call, happened, now_s)
        case Phase.CHECKING, AnswerChecked():
            return _answer_checked(turn, happened, now_s)
        case Phase.COMPACTING, Summarised():
            return summarised(turn, happened, now_s)
        case Phase.STREAMING | Phase.COMPACTING, BudgetReached():
            return budget_reached(turn, happened, now_s)
        case Phase.STREAMING | Phase.COMPACTING | Phase.WAITING, BudgetDecided():
            return budget_decided(turn, happened, now_s)
        case Phase.STREAMING, Finished() | Failed() | CallDone():
            happened = _readable(happened)
            acc, events = fold(turn.acc, happened, turn.past.tally.unix_s(now_s))
            return _model_said(replace(turn, acc=acc), happened, events, now_s)
        case Phase.STREAMING, _:
            at = turn.past.tally.unix_s(now_s)
            acc, events = fold(turn.acc, happened, at)  # type: ignore[arg-type]  # the other kinds have their cases above
            return replace(turn, acc=acc), events
    return turn, ()


# The model's answer


def _with_first_token(past: Past, now_s: float) -> Past:
    if past.tally.first_token_s is not None:
        return past
    return replace(past, tally=replace(past.tally, first_token_s=now_s))


def _readable(delta: Finished | Failed | CallDone) -> Finished | Failed | CallDone:
    """Return the delta, or Failed if its data for the next request nests too deep to be kept."""
    match delta:
        case Finished(items=kept) | CallDone(extra=kept) if kept and too_deep(kept):
            return Failed(ParseError(f"{EXPECTED}, in data for the next request"))
        case _:
            return delta


def _model_said(turn: Turn, delta: Finished | Failed | CallDone, events: tuple[Event, ...], now_s: float) -> Step:
    match delta:
        case CallDone():
            turn, work = eager(turn, delta)
            return turn, (*events, *work)
        case Failed(fault):
            return failed(turn, fault, now_s)
        case Finished():
            return _finished(turn, delta, now_s)


def _finished(turn: Turn, end: Finished, now_s: float) -> Step:
    """The step after a whole answer: run its calls, or end the turn with it."""
    turn, warnings = _skipped(model_call_counted(_measured(turn, end), end.usage or Usage()), end, now_s)
    turn, effects = executing(turn, end, now_s) if turn.acc.calls else _answered(turn, end, now_s)
    return turn, (*warnings, *effects)


def _measured(turn: Turn, end: Finished) -> Turn:
    """Return the turn with the provider's count of the request as the measure of the next ones."""
    past = turn.past
    if not past.asked or end.usage is None:
        return turn
    rate = rate_of(end.usage.input_tokens, past.asked, past.compaction.rate)
    return replace(turn, past=replace(past, compaction=replace(past.compaction, rate=rate)))


def _skipped(turn: Turn, end: Finished, now_s: float) -> tuple[Turn, tuple[Event, ...]]:
    """Count the unreadable events. Publish a warning if they may have had text."""
    if not end.skipped:
        return turn, ()
    tally = turn.past.tally
    for line in end.skipped:
        tally = tally.failed(f"skipped an event: {line}")
    turn = replace(turn, past=replace(turn.past, tally=tally))
    return with_event(turn, StreamWarning(ParseError(end.skipped[0])), now_s) if end.lossy else (turn, ())


def _answered(turn: Turn, end: Finished, now_s: float) -> Step:
    past, acc = turn.past, turn.acc
    if past.steered:
        return ask_again(turn, (*past.conversation, _answer(turn, end)), now_s)
    if past.policy.answer_retries is not None and acc.refusal is None:
        return replace(turn, phase=Phase.CHECKING), (CheckAnswer(acc.content),)
    return _complete(turn, end, None, now_s)


def _answer_checked(turn: Turn, checked: AnswerChecked, now_s: float) -> Step:
    past, acc = turn.past, turn.acc
    end = acc.end
    assert isinstance(end, Finished)
    if not checked.faults:
        if past.steered:  # it arrived while the connection was closing
            return ask_again(turn, (*past.conversation, _answer(turn, end)), now_s)
        return _complete(turn, end, checked.value, now_s)
    fault = InvalidAnswer(checked.faults)
    if past.answer_tries >= (past.policy.answer_retries or 0):
        return fail(turn, fault, now_s)
    if (reached := breach(past.policy.limits, past.spent)) is not None:
        return fail(turn, reached, now_s)
    conversation = (*past.conversation, _answer(turn, end), UserMessage(fault.for_the_model()))
    past = replace(
        next_model_call(past, with_steered(conversation, past)),
        answer_tries=past.answer_tries + 1,
        tally=past.tally.failed(str(fault)),
    )
    return reset(replace(turn, past=past), fault, Again(past.tries, 0.0, 0.0), now_s)


def _answer(turn: Turn, end: Finished) -> AssistantMessage:
    acc, origin = turn.acc, turn.past.model.origin
    return AssistantMessage(
        acc.content, reasoning=acc.reasoning, partial=not end.complete, items=end.items, origin=origin
    )


def _complete(turn: Turn, end: Finished, value: Any, now_s: float) -> Step:
    past = turn.past
    conversation = (*past.conversation, _answer(turn, end))
    response = response_of(turn, now_s, value)
    return ended(replace(turn, past=replace(past, conversation=conversation)), StreamComplete(response), now_s)
