"""The turn: the laws of a stream hold for any model, any tools and any moment of failure."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.core.asking import begin
from agents.core.conversation import AssistantMessage, ToolMessage, UserMessage, well_formed
from agents.core.deltas import (
    CallDelta,
    CallDone,
    CallStarted,
    Delta,
    Failed,
    Finished,
    FinishReason,
    Usage,
)
from agents.core.effects import (
    AnswerChecked,
    ApprovalAsked,
    Effect,
    StartCompletion,
    Steered,
    ToolProgressed,
)
from agents.core.errors import (
    ApiError,
    Cancelled,
    ConnectionClosed,
    InvalidAnswer,
    LimitReached,
    ToolError,
)
from agents.core.events import (
    StreamApprovalRequired,
    StreamComplete,
    StreamError,
    StreamReset,
    StreamToolProgress,
    StreamToolResult,
    ToolResult,
)
from agents.core.limits import Limits, Price, cost
from agents.core.metrics import Tally
from agents.core.policy import Candidate, TurnPolicy
from agents.core.step import step, steps
from agents.core.turn import Phase, fail
from tests.agents.core.play import (
    ASKED,
    BROKEN,
    FINISHED,
    TWICE,
    USAGE,
    Play,
    answers,
    call,
    calls,
    check_laws,
    kinds,
    scripts,
    text,
)


def test_the_documented_order_of_events() -> None:
    play = Play([*text("Let ", "me"), *call(0, "{", "}"), FINISHED], [*text("Found."), FINISHED])
    play.finish(0)
    assert kinds(play.events) == [
        "StreamStart",
        "StreamToken",
        "StreamToken",
        "StreamFunctionCallStarted",
        "StreamFunctionArgumentsDelta",
        "StreamFunctionArgumentsDelta",
        "StreamFunctionCallComplete",
        "StreamUsage",
        "StreamFunctionExecutionStart",
        "StreamToolResult",
        "StreamToken",
        "StreamComplete",
    ]


def test_results_are_published_as_they_come_and_kept_in_the_models_order() -> None:
    play = Play([*calls(3), FINISHED], [FINISHED])
    for index in (2, 0, 1):
        play.finish(index, ToolResult(f"result {index}"))
    published = [event.tool_call.index for event in play.events if isinstance(event, StreamToolResult)]
    assert published == [2, 0, 1]
    kept = [message.content for message in play.turn.conversation if isinstance(message, ToolMessage)]
    assert kept == ["result 0", "result 1", "result 2"]


def test_no_more_calls_run_at_once_than_the_limit_allows() -> None:
    play = Play([*calls(5), FINISHED], [FINISHED], limits=Limits(parallel_tools=2))
    while play.running:
        play.finish(play.running[0])
    assert play.most == 2
    assert isinstance(play.events[-1], StreamComplete)


def test_usage_is_added_over_the_model_calls_and_unknown_stays_unknown() -> None:
    play = Play([*calls(1), FINISHED], [Finished(FinishReason.STOP, usage=Usage(1, None, 1, 0, 0))])
    play.finish(0)
    end = play.events[-1]
    assert isinstance(end, StreamComplete)
    assert end.response.usage == Usage(11, None, 16, 0, 0)


def test_the_metrics_count_what_the_subscriber_saw() -> None:
    play = Play([*text("é", "b"), *calls(1), FINISHED], [*text("c"), FINISHED])
    play.finish(0, ToolResult("error: no", error="raised"))
    end = play.events[-1]
    assert isinstance(end, StreamComplete)
    assert end.response.metrics is not None
    metrics = end.response.metrics
    assert (metrics.token_count, metrics.byte_count, metrics.function_calls) == (3, 4, 1)
    assert metrics.errors == ("search: raised",)
    assert metrics.time_to_first_token_ms == 1000.0


def test_calls_of_a_response_that_was_cut_are_not_run() -> None:
    cut = Finished(FinishReason.LENGTH, "length", complete=False)
    play = Play([*text("Hm"), CallStarted(0, "call_0", "search"), CallDelta(0, '{"q'), cut])
    assert not play.running
    end = play.events[-1]
    assert isinstance(end, StreamError)
    assert isinstance(end.reason, ToolError)
    assert play.turn.conversation == (*ASKED, AssistantMessage("Hm", partial=True))


def test_a_cut_answer_is_complete_with_its_finish_reason() -> None:
    play = Play([*text("Once upon"), Finished(FinishReason.LENGTH, "length", complete=False)])
    end = play.events[-1]
    assert isinstance(end, StreamComplete)
    assert end.response.finish_reason is FinishReason.LENGTH
    assert play.turn.conversation[-1] == AssistantMessage("Once upon", partial=True)


def test_a_turn_that_never_stops_calling_ends_at_its_limit() -> None:
    play = Play([*calls(1), FINISHED], [*calls(1), FINISHED], limits=Limits(model_calls=2))
    play.finish(0)
    assert not play.running, "calls whose results no model would read"
    end = play.events[-1]
    assert isinstance(end, StreamError)
    assert end.reason == LimitReached("model_calls", 2, 2)


def test_a_broken_stream_keeps_its_partial_text_and_runs_no_call() -> None:
    play = Play([*text("part"), *call(0, "{}"), Failed(ConnectionClosed())])
    assert not play.running
    end = play.events[-1]
    assert isinstance(end, StreamError)
    assert (end.reason, end.content) == (ConnectionClosed(), "part")


def test_a_turn_that_fails_while_tools_run_keeps_the_results_it_has() -> None:
    play = Play([*calls(2), FINISHED])
    play.finish(1, ToolResult("one"))
    play.turn, effects = fail(play.turn, Cancelled(), 2.0)
    play.do(effects)
    assert isinstance(play.events[-1], StreamError)
    sent = well_formed(play.turn.conversation)
    assert [message.tool_call_id for message in sent if isinstance(message, ToolMessage)] == ["call_0", "call_1"]


def errors_of(play: Play) -> tuple[str, ...]:
    end = play.events[-1]
    assert isinstance(end, StreamComplete)
    assert end.response.metrics is not None
    return end.response.metrics.errors


def test_a_model_call_that_broke_before_its_first_token_is_made_again_after_a_reset() -> None:
    play = Play([BROKEN], [*text("Hello"), FINISHED])
    reset = next(event for event in play.events if isinstance(event, StreamReset))
    assert (reset.reason, reset.content, reset.attempt) == (BROKEN.fault, "", 2)
    assert [event.attempt for event in play.events] == [1, 2, 2, 2]
    assert play.asked[1].at_most_s > 0
    assert errors_of(play) == ("network error: econnreset",)


def test_after_output_a_broken_model_call_ends_the_turn_unless_the_policy_says_otherwise() -> None:
    assert isinstance(Play([*text("Hel"), BROKEN]).events[-1], StreamError)
    play = Play([*text("Hel"), BROKEN], [*text("Hello"), FINISHED], retries=TWICE)
    end = play.events[-1]
    assert isinstance(end, StreamComplete)
    assert end.response.content == "Hello"
    assert end.response.usage == Usage(), "what the broken call took is unknown"
    assert end.response.metrics is not None
    assert end.response.metrics.token_count == 2


def test_a_reset_voids_only_the_output_of_its_own_model_call() -> None:
    rounds = ([*text("One. "), *calls(1), FINISHED], [*text("Tw"), BROKEN], [*text("Two."), FINISHED])
    play = Play(*rounds, retries=TWICE)
    play.finish(0)
    reset = next(event for event in play.events if isinstance(event, StreamReset))
    end = play.events[-1]
    assert isinstance(end, StreamComplete)
    assert (reset.content, end.response.content) == ("One. ", "One. Two.")


def test_when_a_model_fails_for_good_the_next_one_is_asked_at_once() -> None:
    gone = Failed(ApiError(404, "no such model"))
    play = Play([gone], [*text("Hi"), FINISHED], models=(Candidate(), Candidate(Price(1.0, 2.0))))
    assert [asked.tries.route for asked in play.asked] == [0, 1]
    assert play.asked[1].at_most_s == 0
    end = play.events[-1]
    assert isinstance(end, StreamComplete)
    assert end.response.cost == (10 * 1.0 + 5 * 2.0) / 1_000_000


def test_a_model_that_failed_is_not_asked_again_in_the_turn() -> None:
    gone = Failed(ApiError(404, "no such model"))
    play = Play([gone], [*calls(1), FINISHED], [FINISHED], models=(Candidate(), Candidate()))
    play.finish(0)
    assert [asked.tries.route for asked in play.asked] == [0, 1, 1]


def test_data_for_one_model_goes_to_no_other_model() -> None:
    thought = ({"type": "reasoning", "id": "rs_1"},)
    said = Finished(FinishReason.TOOL_CALLS, usage=USAGE, items=thought)
    gone = Failed(ApiError(404, "gone"))
    models = (Candidate(origin="a"), Candidate(origin="b"))
    play = Play([CallStarted(0, "c", "search"), CallDone(0, "{}", {"signature": "s"}), said], models=models)
    play.answers += [[gone], [FINISHED]]
    play.finish(0)
    back, elsewhere = (asked.conversation[1] for asked in play.asked[1:])
    assert isinstance(back, AssistantMessage)
    assert isinstance(elsewhere, AssistantMessage)
    assert (back.items, back.tool_calls[0].extra) == (thought, {"signature": "s"})
    assert (elsewhere.items, elsewhere.tool_calls[0].extra) == ((), None)
    assert play.turn.conversation[1] == back, "the conversation itself keeps it"


def test_an_eager_call_starts_before_the_model_has_finished_and_only_once() -> None:
    play = Play([*call(0, "{}"), *text("and"), *call(1, "{}")], eager=frozenset({"search"}))
    assert play.running == [0, 1]
    play.answers.append([FINISHED])
    play.happens(FINISHED)
    assert play.running == [0, 1]
    play.finish(0)
    play.finish(1)
    check_laws(play.events, play.turn)


def test_a_reset_ends_the_eager_calls_of_its_model_call() -> None:
    play = Play([*call(0, "{}"), BROKEN], [*text("No need."), FINISHED], eager=frozenset({"search"}), retries=TWICE)
    assert play.running == []
    assert isinstance(play.events[-1], StreamComplete)


def test_an_eager_call_beyond_a_limit_waits() -> None:
    one_at_once = Play([*call(0, "{}"), *call(1, "{}")], eager=frozenset({"search"}), limits=Limits(parallel_tools=1))
    assert one_at_once.running == [0]
    one_a_turn = Play([*call(0, "{}"), *call(1, "{}")], eager=frozenset({"search"}), limits=Limits(tool_calls=1))
    assert one_a_turn.running == [0]
    one_a_turn.happens(FINISHED)
    end = one_a_turn.events[-1]
    assert isinstance(end, StreamError)
    assert end.reason == LimitReached("tool_calls", 1, 2)


def named(*names: str) -> list[Delta]:
    deltas: list[Delta] = []
    for index, name in enumerate(names):
        deltas += [CallStarted(index, f"call_{index}", name), CallDone(index, "{}")]
    return [*deltas, FINISHED]


def test_a_call_of_a_barrier_tool_runs_alone_and_in_the_models_order() -> None:
    play = Play(named("read", "read", "write", "read", "read"), [FINISHED], barriers=frozenset({"write"}))
    assert play.running == [0, 1]
    play.finish(1)
    assert play.running == [0]
    play.finish(0)
    assert play.running == [2]
    play.finish(2)
    assert play.running == [3, 4]


def test_an_eager_call_starts_only_where_a_barrier_would_let_it() -> None:
    eager, write = frozenset({"read", "write"}), frozenset({"write"})
    for names, running in (
        (("read", "write"), [0]),
        (("write", "read"), [0]),
        (("post", "write"), []),
        (("post", "read"), [1]),
        (("wall", "read"), []),
    ):
        play = Play(named(*names)[:-1], eager=eager, barriers=write | {"wall"})
        assert play.running == running, names


def test_a_message_during_a_turn_joins_the_next_model_call() -> None:
    play = Play([*calls(1), FINISHED], [*text("Done."), FINISHED])
    play.happens(Steered("In French, please."))
    play.finish(0)
    assert play.asked[1].conversation[-1] == UserMessage("In French, please.")
    assert isinstance(play.events[-1], StreamComplete)


def test_a_turn_continues_for_a_message_during_its_last_model_call() -> None:
    play = Play(text("Bonjour."))
    play.happens(Steered("Longer."))
    play.answers.append([*text(" Bonjour, mon ami."), FINISHED])
    play.happens(FINISHED)
    assert play.asked[1].conversation[-2:] == (AssistantMessage("Bonjour."), UserMessage("Longer."))
    end = play.events[-1]
    assert isinstance(end, StreamComplete)
    assert (end.response.content, end.response.answer) == ("Bonjour. Bonjour, mon ami.", " Bonjour, mon ami.")


def test_a_users_message_stays_in_the_conversation_when_the_turn_fails() -> None:
    play = Play(text("Bon"))
    play.happens(Steered("Longer."))
    play.happens(Failed(ConnectionClosed()))
    assert play.turn.conversation[-2:] == (AssistantMessage("Bon", partial=True), UserMessage("Longer."))


def test_a_turn_continues_for_a_message_during_the_check_of_its_answer() -> None:
    turn, _ = begin("s", "agent", ASKED, TurnPolicy(answer_retries=2), Tally(0.0))
    turn, _ = steps(turn, [*text("{}"), FINISHED], 1.0)
    assert turn.phase is Phase.CHECKING
    turn, _ = step(turn, Steered("Longer."), 1.0)
    turn, effects = step(turn, AnswerChecked(value={}), 1.0)
    assert [type(effect) for effect in effects] == [StartCompletion]
    assert turn.conversation[-2:] == (AssistantMessage("{}"), UserMessage("Longer."))


def test_an_answer_of_the_wrong_form_is_asked_for_again_until_it_is_right() -> None:
    verdicts = [AnswerChecked(('n: expected an integer, got "x"',)), AnswerChecked(value={"n": 1})]
    play = Play(answer_retries=2, answers_with=[[*text("x"), FINISHED], [*text('{"n": 1}'), FINISHED]], check=verdicts)
    end = play.events[-1]
    assert isinstance(end, StreamComplete)
    assert (end.response.value, end.response.content) == ({"n": 1}, '{"n": 1}')
    asked = play.asked[1].conversation[-1]
    assert isinstance(asked, UserMessage)
    assert "n: expected an integer" in asked.content
    check_laws(play.events, play.turn)


def test_an_answer_that_stays_wrong_is_an_error_after_its_retries() -> None:
    wrong = AnswerChecked(("answer: expected JSON",))
    play = Play(answer_retries=1, answers_with=[[*text("x"), FINISHED], [*text("y"), FINISHED]], check=[wrong, wrong])
    end = play.events[-1]
    assert isinstance(end, StreamError)
    assert end.reason == InvalidAnswer(("answer: expected JSON",))
    assert play.turn.conversation[-1] == AssistantMessage("y")


def test_progress_and_questions_of_a_call_are_events_until_it_has_its_result() -> None:
    play = Play([*calls(1), FINISHED], [FINISHED])
    play.happens(ToolProgressed(0, 0.5))
    play.happens(ApprovalAsked(0, 60.0))
    play.happens(ToolProgressed(7, "of nobody"))
    play.finish(0)
    play.happens(ToolProgressed(0, "too late"))
    kept = [event for event in play.events if isinstance(event, StreamToolProgress | StreamApprovalRequired)]
    assert kinds(list(kept)) == ["StreamToolProgress", "StreamApprovalRequired"]
    check_laws(play.events, play.turn)


@pytest.mark.parametrize(
    ("limits", "reached"),
    [
        (Limits(model_calls=1), LimitReached("model_calls", 1, 1)),
        (Limits(tool_calls=0), LimitReached("tool_calls", 0, 1)),
        (Limits(tokens=15), LimitReached("tokens", 15, 15)),
        (Limits(cost=0.0001), LimitReached("cost", 0.0001, 15.0)),
    ],
)
def test_a_limit_ends_the_turn_before_a_tool_runs(limits: Limits, reached: LimitReached) -> None:
    play = Play([*text("Let me see."), *calls(1), FINISHED], limits=limits, models=(Candidate(Price(1e6, 1e6)),))
    assert not play.running
    end = play.events[-1]
    assert isinstance(end, StreamError)
    assert (end.reason, end.content) == (reached, "Let me see.")


def test_a_limit_that_can_not_be_checked_counts_as_reached() -> None:
    play = Play([*calls(1), Finished(FinishReason.TOOL_CALLS)], limits=Limits(tokens=1000))
    end = play.events[-1]
    assert isinstance(end, StreamError)
    assert end.reason == LimitReached("tokens", 1000, None)


def test_a_finished_answer_is_kept_even_if_it_exceeded_a_limit() -> None:
    play = Play([*text("Long answer"), FINISHED], limits=Limits(tokens=1, cost=0.1, model_calls=1))
    assert isinstance(play.events[-1], StreamComplete)


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000))
def test_cached_input_is_charged_at_its_own_price(fresh: int, cached: int, output: int) -> None:
    used = Usage(fresh + cached, output, fresh + cached + output, 0, cached)
    charged = cost(used, Price(4.0, 8.0, 1.0))
    assert charged == pytest.approx((fresh * 4 + cached + output * 8) / 1e6)


@given(st.data(), scripts(), st.integers(1, 3), st.sets(st.sampled_from(["eager", "barriers"])))
def test_every_law_of_a_stream_holds_until_any_end(
    data: st.DataObject, rounds: list[list[Delta]], parallel: int, marks: set[str]
) -> None:
    policy: dict[str, Any] = {mark: frozenset({"search"}) for mark in marks}
    spare = [*text("Yes."), FINISHED]
    play = Play(*rounds, spare, spare, limits=Limits(parallel_tools=parallel), retries=TWICE, **policy)
    for _ in range(data.draw(st.integers(0, 12))):
        if data.draw(st.integers(0, 9)) == 0:
            play.happens(Steered("And?"))
        if play.running:
            play.finish(data.draw(st.sampled_from(play.running)))
    assert play.most <= parallel
    if play.turn.phase is not Phase.ENDED:
        play.turn, effects = fail(play.turn, Cancelled(), 2.0)
        play.do(effects)
    check_laws(play.events, play.turn)


@given(answers(with_calls=True), st.lists(st.integers(1, 4), max_size=20))
def test_deltas_together_have_the_effect_of_deltas_one_by_one(deltas: list[Delta], sizes: list[int]) -> None:
    together, one_by_one = (begin("s", "agent", ASKED, TurnPolicy(Limits()), Tally(0.0))[0] for _ in range(2))
    effects: list[Effect] = []
    for delta in deltas:
        one_by_one, more = step(one_by_one, delta, 1.0)
        effects += more
    for size in (*sizes, len(deltas)):
        now, deltas = deltas[:size], deltas[size:]
        together, more = steps(together, now, 1.0)
        assert list(more) == effects[: len(more)]
        effects = effects[len(more) :]
    assert not effects
    assert together.acc.content == one_by_one.acc.content
    assert replace(together.acc, text=()) == replace(one_by_one.acc, text=())


@given(st.data(), st.lists(st.sampled_from(["search", "client"]), min_size=1, max_size=4), st.booleans())
def test_calls_of_a_clients_tools_end_the_turn_after_the_results_of_the_others(
    data: st.DataObject, names: list[str], eager: bool
) -> None:
    asked: list[Delta] = []
    for index, name in enumerate(names):
        asked += [CallStarted(index, f"call_{index}", name), CallDelta(index, "{}"), CallDone(index, "{}")]
    marks: dict[str, Any] = {"eager": frozenset({"search"})} if eager else {}
    play = Play([*asked, FINISHED], [*text("Yes."), FINISHED], client=frozenset({"client"}), **marks)
    while play.running:
        play.finish(data.draw(st.sampled_from(play.running)))
    theirs = {f"call_{index}" for index, name in enumerate(names) if name == "client"}
    ours = {f"call_{index}" for index, name in enumerate(names) if name == "search"}
    results = {event.tool_call.id for event in play.events if isinstance(event, StreamToolResult)}
    assert (play.turn.phase, results) == (Phase.ENDED, ours)
    assert len(play.asked) == (1 if theirs else 2)
    end = play.events[-1]
    assert isinstance(end, StreamComplete)
    assert {each.id for each in end.response.tool_calls} == theirs | ours
    following = (*play.turn.conversation, *(ToolMessage(id_, "client", "done") for id_ in sorted(theirs)))
    assert len(well_formed(following)) == len(following)
