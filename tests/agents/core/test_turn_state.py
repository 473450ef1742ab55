"""Laws of a turn's state, its running view and the times of its messages: all follow from its events."""

import itertools
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.conversation import AssistantMessage, Function, ToolCall, ToolMessage, UserMessage
from agents.core.deltas import CallDelta, CallDone, CallStarted, Delta, Finished, ReasoningDelta, TextDelta
from agents.core.effects import AnswerChecked, ApprovalAsked, Steered, ToolStarted
from agents.core.errors import Cancelled, ConnectionClosed, Timeout
from agents.core.events import (
    Event,
    StreamComplete,
    StreamError,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamFunctionExecutionStart,
    StreamReset,
    StreamStart,
    StreamToken,
    StreamToolResult,
    StreamToolStart,
    ToolResult,
)
from agents.core.message_times import times_of
from agents.core.response import Response
from agents.core.running_turn import running_turn
from agents.core.turn import Phase
from agents.core.turn_state import AFTER, UNCHANGED, state_of, status_of
from tests.agents.core.play import BROKEN, FINISHED, TWICE, Play, call, calls, scripts, text

STREAMING = {"streaming", "function_detected", "accumulating_args", "function_ready"}
DOCUMENTED = {
    "idle": {"streaming"},
    "streaming": {"streaming", "function_detected", "complete", "error"},
    "function_detected": {"accumulating_args", "error"},
    "accumulating_args": {"accumulating_args", "function_ready"},
    "function_ready": {"executing"},
    "executing": {"results_ready", "error"},
    "results_ready": {"streaming"},
}
"""The transitions of the document's diagram."""
OURS = {
    **{state: STREAMING | {"executing", "complete", "error"} for state in STREAMING},  # calls stream side by side
    "executing": {"executing", "results_ready", "error"},
    "results_ready": {*STREAMING, "complete", "error"},
}
"""The transitions that a turn has besides: parallel calls, calls without arguments, failed and repeated model calls."""


def states(events: list[Event]) -> list[str]:
    return [state_of(events[:count]) for count in range(len(events) + 1)]


def played(script: list[list[Delta]], data: st.DataObject) -> Play:
    play = Play(*script, retries=TWICE)
    while play.running:
        place = data.draw(st.sampled_from(play.running))
        if data.draw(st.booleans()):
            play.happens(ToolStarted(place, 1, 1.0))
        play.finish(place)
    return play


def test_every_event_has_a_state_or_leaves_it() -> None:
    assert {*AFTER, *UNCHANGED} == set(get_args(Event))
    assert not {*AFTER} & UNCHANGED


@given(scripts(), st.data())
def test_a_turn_takes_only_steps_of_the_diagram_and_ends_in_its_end(
    script: list[list[Delta]], data: st.DataObject
) -> None:
    events = played(script, data).events
    seen = states(events)
    assert seen[0] == "idle"
    assert seen[-1] == ("complete" if isinstance(events[-1], StreamComplete) else "error")
    for before, after in itertools.pairwise(seen):
        assert before == after or after in DOCUMENTED.get(before, set()) | OURS.get(before, set())


@given(scripts(), st.data())
def test_results_are_ready_exactly_while_no_call_of_the_model_call_lacks_one(
    script: list[list[Delta]], data: st.DataObject
) -> None:
    play = Play(*script, retries=TWICE)
    while play.running:
        assert play.turn.phase is Phase.EXECUTING
        assert state_of(play.events) == "executing"
        open_before = len(play.running)
        play.finish(data.draw(st.sampled_from(play.running)))
        if open_before > 1:
            assert state_of(play.events) == "executing"
        else:
            last = max(place for place, each in enumerate(play.events) if isinstance(each, StreamToolResult))
            assert state_of(play.events[: last + 1]) == "results_ready"


@given(scripts(), st.data())
def test_the_view_of_a_running_turn_has_its_valid_text_and_its_calls(
    script: list[list[Delta]], data: st.DataObject
) -> None:
    play = played(script, data)
    view = running_turn("s", "?", play.events)
    end = play.events[-1]
    whole = end.response if isinstance(end, StreamComplete | StreamError) else None
    assert whole is not None
    assert (view.content, view.seq, view.state, view.begun_at) == (whole.content, end.seq, state_of(play.events), 0.0)
    if isinstance(end, StreamComplete):
        assert tuple(each.tool_call for each in view.tool_calls) == whole.tool_calls
        assert {each.status for each in view.tool_calls} <= {"complete"}


@given(scripts(), st.data())
def test_times_never_decrease(script: list[list[Delta]], data: st.DataObject) -> None:
    play = played(script, data)
    at = [event.at for event in play.events]
    assert at == sorted(each for each in at if each is not None)
    times = times_of(play.turn.conversation, play.events)
    assert len(times) == len(play.turn.conversation)
    assert None not in times
    answers = [t for t, m in zip(times, play.turn.conversation, strict=True) if not isinstance(m, ToolMessage)]
    assert answers == sorted(t for t in answers if t is not None)


def test_a_call_is_pending_then_asks_then_runs_then_has_its_result() -> None:
    play = Play([*calls(1), FINISHED], [*text("ok"), FINISHED])

    def shown() -> tuple[Any, ...]:
        (view,) = running_turn("s", "?", play.events).tool_calls
        return view.status, view.approval, view.attempt_of_call, view.started_at, view.ended_at

    assert shown() == ("pending", False, 0, None, None)
    play.happens(ApprovalAsked(0, 60.0))
    assert shown() == ("pending", True, 0, None, None)
    play.happens(ToolStarted(0, 1, 0.25))
    assert shown() == ("executing", False, 1, 0.25, None)
    play.happens(ToolStarted(0, 2, 0.5))
    assert shown() == ("executing", False, 2, 0.5, None)
    play.finish(0, ToolResult("no", error="raised"))
    assert shown() == ("error", False, 2, 0.5, 1.0)


def test_a_call_that_is_not_running_begins_no_event() -> None:
    play = Play([*calls(1), FINISHED], [*text("ok"), FINISHED])
    play.happens(ToolStarted(7, 1, 0.0))
    play.finish(0)
    play.happens(ToolStarted(0, 2, 0.0))
    assert not [event for event in play.events if isinstance(event, StreamToolStart)]


def test_arguments_so_far_are_in_the_view_of_a_call_that_still_streams() -> None:
    events = Play([*call(0, '{"a"', ": 1}")[:2], *text("x")], []).events
    (view,) = running_turn("s", "?", events).tool_calls
    assert (view.tool_call.arguments, view.status) == ('{"a"', "pending")


def test_a_reset_voids_the_text_and_the_calls_of_its_model_call_in_the_view() -> None:
    play = Play([ReasoningDelta("hm"), *text("half "), *call(0, "{}"), BROKEN], text("whole"), retries=TWICE)
    view = running_turn("s", "?", play.events)
    assert (view.content, view.reasoning, view.tool_calls, view.state) == ("whole", "", (), "streaming")


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (None, "running"),
        (StreamComplete(Response("", "")), "complete"),
        (StreamError(Cancelled()), "cancelled"),
        (StreamError(ConnectionClosed()), "error"),
        (StreamError(Timeout("end of the turn", 1.0)), "error"),
    ],
)
def test_a_cancelled_turn_has_a_status_of_its_own(end: StreamComplete | StreamError | None, status: str) -> None:
    assert status_of(end) == status


def test_each_message_has_the_time_at_which_it_was_whole() -> None:
    one, two = (ToolCall(f"c{n}", Function("f", "{}"), n) for n in range(2))
    events: list[Event] = [
        StreamStart("a", at=1.0),
        StreamToken("x", at=2.0),
        StreamFunctionCallStarted(one, at=2.5),
        StreamFunctionCallComplete(one, at=2.5),
        StreamFunctionCallStarted(two, at=2.5),
        StreamFunctionCallComplete(two, at=2.5),
        StreamFunctionExecutionStart(at=3.0),
        StreamToolResult(two, ToolResult("2"), at=4.0),
        StreamToolResult(one, ToolResult("1"), at=5.0),
        StreamComplete(Response("y", "y"), at=6.0),
    ]
    said = (
        UserMessage("?"),
        AssistantMessage("x", (one, two)),
        ToolMessage("c0", "f", "1"),
        ToolMessage("c1", "f", "2"),
        UserMessage("steered"),
        AssistantMessage("y"),
    )
    assert times_of(said, events) == (1.0, 3.0, 5.0, 4.0, 4.0, 6.0)


def test_events_without_times_give_messages_without_times() -> None:
    assert times_of(
        (UserMessage("?"), AssistantMessage("y")), [StreamStart("a"), StreamComplete(Response("", ""))]
    ) == (
        None,
        None,
    )
    assert times_of((UserMessage("?"),), []) == (None,)


def test_an_invalid_answer_has_the_time_of_its_refusal() -> None:
    play = Play(
        [*text("one"), FINISHED],
        [*text("two"), FINISHED],
        check=[AnswerChecked(("no",)), AnswerChecked((), 2)],
        answer_retries=1,
    )
    (reset,) = (event for event in play.events if isinstance(event, StreamReset))
    times = times_of(play.turn.conversation, play.events)
    assert times == (play.events[0].at, reset.at, reset.at, play.events[-1].at)


def test_a_message_that_steers_a_failed_turn_follows_its_partial_answer() -> None:
    play = Play(text("half"), [])
    play.happens(Steered("more"))
    play.happens(BROKEN)
    assert [type(each) for each in play.turn.conversation] == [UserMessage, AssistantMessage, UserMessage]
    assert times_of(play.turn.conversation, play.events) == (0.0, 1.0, 1.0)


def test_the_time_of_a_step_is_that_of_its_events() -> None:
    deltas: list[Delta] = [
        TextDelta("a"),
        CallStarted(0, "c", "f"),
        CallDelta(0, "{}"),
        CallDone(0, "{}"),
        Finished(None),
    ]
    assert [event.at for event in Play([*deltas, Finished(None)]).events] == [0.0, *[1.0] * 5]
