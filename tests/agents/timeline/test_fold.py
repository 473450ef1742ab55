"""The fold from events to lanes and spans."""

from itertools import pairwise

from hypothesis import given
from msgspec.structs import replace

from agents.core.errors import Cancelled, NetworkError
from agents.core.events import (
    Event,
    StreamApprovalRequired,
    StreamComplete,
    StreamError,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamFunctionExecutionStart,
    StreamReasoning,
    StreamReset,
    StreamStart,
    StreamSubAgent,
    StreamToken,
    StreamToolProgress,
    StreamToolStart,
)
from agents.core.response import Response
from agents.timeline import Lane, Timeline, TimelineFold, timeline_of
from agents.timeline.calls import MAX_LANES
from agents.timeline.lane import MAX_MARKS, MAX_SPANS
from tests.agents.timeline.turns import BEGAN_AT, call, calls, result, streams, timed


def spans(lane: Lane) -> list[tuple[str, float, float]]:
    return [(span.kind, round(span.begin_s, 6), round(span.end_s, 6)) for span in lane.spans]


def marks(lane: Lane) -> list[tuple[str, float]]:
    return [(mark.kind, round(mark.at_s, 6)) for mark in lane.marks]


def counted(timeline: Timeline) -> int:
    of_spans = sum(span.events for lane in timeline.lanes for span in lane.spans)
    return of_spans + sum(mark.events for lane in timeline.lanes for mark in lane.marks)


@given(streams())
def test_every_span_and_mark_lies_within_the_turn(stream: list[Event]) -> None:
    timeline = timeline_of(stream)
    for lane in timeline.lanes:
        assert all(0 <= span.begin_s <= span.end_s <= timeline.length_s for span in lane.spans)
        assert all(0 <= mark.at_s <= timeline.length_s for mark in lane.marks)


@given(streams())
def test_the_spans_of_a_lane_follow_each_other(stream: list[Event]) -> None:
    for lane in timeline_of(stream).lanes:
        assert all(before.end_s <= after.begin_s for before, after in pairwise(lane.spans))
        assert not any(span.open for span in lane.spans[:-1])


@given(streams())
def test_every_event_is_counted_once(stream: list[Event]) -> None:
    timeline = timeline_of(stream)
    assert counted(timeline) == timeline.events == len(stream)


@given(streams())
def test_only_a_turn_that_runs_has_open_spans(stream: list[Event]) -> None:
    timeline = timeline_of(stream)
    if timeline.outcome is not None and isinstance(stream[-1], StreamComplete | StreamError):
        assert not any(span.open for lane in timeline.lanes for span in lane.spans)


@given(streams())
def test_a_timeline_that_grows_event_by_event_equals_the_whole_one(stream: list[Event]) -> None:
    fold = TimelineFold()
    for event in stream:
        fold.add(event)
        fold.timeline(BEGAN_AT + 1e6)
    assert fold.timeline() == timeline_of(stream)


def test_a_model_call_waits_and_then_streams() -> None:
    turn, model = timeline_of(
        timed(
            (0, StreamStart("a")),
            (0.4, StreamReasoning("hm")),
            (0.9, StreamToken("Hel")),
            (1.2, StreamToken("lo")),
            (1.5, StreamComplete(Response("Hello", "Hello"))),
        )
    ).lanes
    assert spans(model) == [("wait", 0, 0.4), ("reasoning", 0.4, 0.9), ("text", 0.9, 1.5)]
    assert marks(model) == [("first_token", 0.9)]
    assert marks(turn) == [("start", 0), ("complete", 1.5)]


def test_calls_that_run_at_the_same_time_have_lanes_of_their_own() -> None:
    timeline = timeline_of(timed(*calls(["search", "read_file"])))
    _, model, first, second = timeline.lanes
    assert (first.title, second.title, first.call_id) == ("search", "read_file", "call_0")
    assert spans(first) == [("arguments", 0.5, 0.7), ("queued", 0.7, 1.5), ("run", 1.5, 2.0)]
    assert spans(second) == [("arguments", 0.5, 0.7), ("queued", 0.7, 2.5), ("run", 2.5, 3.0)]
    assert spans(model)[-3:] == [("tools", 1.0, 3.0), ("wait", 3.0, 5.0), ("text", 5.0, 6.0)]


def test_a_call_of_the_next_model_call_with_the_same_number_has_a_new_lane() -> None:
    first, *others = calls(["search"])[:-2]
    again = [(at_s + 10, event) for at_s, event in others]
    lanes = timeline_of(timed(first, *others, *again)).lanes
    assert [lane.title for lane in lanes] == ["turn", "model", "search", "search"]
    assert spans(lanes[3])[-1] == ("run", 11.5, 12.0)


def test_a_killed_call_and_one_that_waits_for_approval_are_shown() -> None:
    *_, killed, denied = timeline_of(
        timed(
            (0, StreamStart("a")),
            *((1, StreamFunctionCallStarted(call(index))) for index in (0, 1)),
            *((2, StreamFunctionCallComplete(call(index))) for index in (0, 1)),
            (2, StreamFunctionExecutionStart()),
            (3, StreamApprovalRequired(call(1), 60)),
            (4, result(0, "timeout", elapsed_s=1.0)),
            (8, result(1, "denied", elapsed_s=0.0)),
        )
    ).lanes
    assert spans(killed) == [("arguments", 1, 2), ("queued", 2, 3), ("run", 3, 4)]
    assert marks(killed) == [("killed", 4)]
    assert spans(denied) == [("arguments", 1, 2), ("queued", 2, 3), ("approval", 3, 8)]
    assert marks(denied) == [("denied", 8)]


def test_each_attempt_of_a_call_is_a_run_of_its_own() -> None:
    *_, lane = timeline_of(
        timed(
            (0, StreamStart("a")),
            (1, StreamFunctionCallComplete(call())),
            (1, StreamFunctionExecutionStart()),
            (2, StreamToolStart(call())),
            (3, StreamToolStart(call(), 2)),
            (4, result(0, attempts=2)),
        )
    ).lanes
    assert spans(lane) == [("arguments", 1, 1), ("queued", 1, 2), ("run", 2, 3), ("run", 3, 4)]
    assert marks(lane) == [("failed", 3), ("result", 4)]
    assert lane.spans[-1].note == "attempt 2"


def test_an_eager_call_runs_from_its_own_begin() -> None:
    *_, lane = timeline_of(
        timed(
            (0, StreamStart("a")),
            (1, StreamFunctionCallComplete(call())),
            (3, StreamFunctionExecutionStart()),
            (2, StreamToolStart(call())),
            (4, result(0)),
        )
    ).lanes
    assert spans(lane) == [("arguments", 1, 1), ("queued", 1, 2), ("run", 2, 4)]


def test_each_sub_agent_has_a_lane_of_its_own() -> None:
    outer, deeper = ("call_0",), ("call_0", "call_0")
    events = timed(
        (0.0, StreamStart("a")),
        (1.0, StreamSubAgent(outer, StreamStart("b"))),
        (2.0, StreamSubAgent(outer, StreamFunctionExecutionStart())),
        (3.0, StreamSubAgent(deeper, StreamStart("c"))),
        (4.0, StreamSubAgent(deeper, StreamToken("x"))),
        (5.0, StreamSubAgent(deeper, StreamComplete(Response("x", "x")))),
        (6.0, StreamSubAgent(outer, StreamError(Cancelled()))),
    )
    first, second = timeline_of(events).lanes[2:]
    assert (first.kind, first.title, first.call_id, second.title) == ("agent", "> b", "call_0", "> > c")
    assert spans(first) == [("wait", 1.0, 2.0), ("tools", 2.0, 6.0)]
    assert spans(second) == [("wait", 3.0, 4.0), ("text", 4.0, 5.0)]
    assert [*marks(first), *marks(second)] == [("cancelled", 6.0), ("result", 5.0)]


def test_a_reset_voids_the_output_of_its_attempt_and_no_earlier_one() -> None:
    turn, model, voided = timeline_of(
        timed(
            (0, StreamStart("a")),
            (1, StreamToken("Hel")),
            (2, StreamFunctionCallStarted(call())),
            (3, StreamReset(NetworkError("econnreset"))),
            (4, StreamToken("Hello")),
            (5, StreamComplete(Response("Hello", "Hello"))),
        )
    ).lanes
    assert [(span.kind, span.void) for span in model.spans] == [
        ("wait", False),
        ("text", True),
        ("arguments", True),
        ("wait", False),
        ("text", False),
    ]
    assert [span.void for span in voided.spans] == [True]
    assert [mark.note for mark in turn.marks if mark.kind == "reset"] == ["network error: econnreset"]


def test_a_call_that_its_turn_ends_is_killed() -> None:
    turn, _, lane = timeline_of(
        timed(
            (0, StreamStart("a")),
            (1, StreamFunctionCallComplete(call())),
            (1, StreamFunctionExecutionStart()),
            (2, StreamToolProgress(call(), "half")),
            (3, StreamError(Cancelled())),
        )
    ).lanes
    assert spans(lane)[-1] == ("run", 2, 3)
    assert marks(lane) == [("progress", 2), ("killed", 3)]
    assert marks(turn)[-1] == ("cancelled", 3)


def test_a_turn_that_runs_lasts_until_now() -> None:
    timeline = timeline_of(timed((0, StreamStart("a")), (1, StreamToken("t"))), BEGAN_AT + 5)
    assert (timeline.outcome, timeline.length_s) == (None, 5)
    last = timeline.lanes[1].spans[-1]
    assert (last.kind, last.end_s, last.open) == ("text", 5, True)


def test_events_of_an_older_store_have_no_time_and_are_still_counted() -> None:
    timeline = timeline_of([replace(event, at=None) for event in timed(*calls(["search"]))])
    assert timeline.length_s == 0
    assert counted(timeline) == timeline.events


def test_a_timeline_is_bounded_however_many_calls_marks_and_changes_there_are() -> None:
    alternating = [(at, each) for at in range(MAX_SPANS) for each in (StreamToken("t"), StreamReasoning("r"))]
    progress = [(MAX_SPANS, StreamToolProgress(call(), number)) for number in range(2 * MAX_MARKS)]
    turns = [(MAX_SPANS + 1, StreamFunctionCallStarted(call(index))) for index in range(MAX_LANES + 50)]
    timeline = timeline_of(timed((0, StreamStart("a")), *alternating, *progress, *turns))
    assert counted(timeline) == timeline.events
    assert len(timeline.lanes) == MAX_LANES + 3
    assert timeline.lanes[-1].kind == "rest"
    assert max(len(lane.spans) for lane in timeline.lanes) <= MAX_SPANS
    assert max(len(lane.marks) for lane in timeline.lanes) <= MAX_MARKS


def test_the_length_of_names_and_reasons_is_bounded() -> None:
    timeline = timeline_of(
        timed((0, StreamFunctionCallStarted(call(0, "n" * 1000))), (1, StreamReset(NetworkError("e", "x" * 1000))))
    )
    assert len(timeline.lanes[2].title) == 80
    assert len(timeline.lanes[0].marks[0].note) == 160
