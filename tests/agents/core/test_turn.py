"""The turn: the laws of a stream hold for any model, any tools and any moment of failure."""

from hypothesis import given
from hypothesis import strategies as st

from agents.core.conversation import AssistantMessage, ToolMessage, UserMessage, well_formed
from agents.core.deltas import (
    CallDelta,
    CallDone,
    CallStarted,
    Delta,
    Failed,
    Finished,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    Usage,
)
from agents.core.errors import Cancelled, ConnectionClosed, LimitReached, ToolError
from agents.core.events import (
    Event,
    StreamComplete,
    StreamError,
    StreamFunctionArgumentsDelta,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamFunctionExecutionStart,
    StreamStart,
    StreamToken,
    StreamToolResult,
    ToolResult,
)
from agents.core.turn import Effect, Limits, Phase, RunTool, StartCompletion, ToolFinished, Turn, begin, fail, step

ASKED = (UserMessage("?"),)
USAGE = Usage(10, 5, 15, 0, 0)


def text(*pieces: str) -> list[Delta]:
    return [TextDelta(piece) for piece in pieces]


def call(index: int, *pieces: str) -> list[Delta]:
    deltas: list[Delta] = [CallStarted(index, f"call_{index}", "search")]
    deltas += [CallDelta(index, piece) for piece in pieces]
    return [*deltas, CallDone(index, "".join(pieces))]


def calls(count: int) -> list[Delta]:
    return [delta for index in range(count) for delta in call(index, '{"q"', ": 1}")]


NO_LIMITS = Limits()
FOUND = ToolResult("found")
FINISHED = Finished(FinishReason.STOP, usage=USAGE)


class Play:
    """Carries effects out in order: tools answer when the test says so."""

    def __init__(self, *answers: list[Delta], limits: Limits = NO_LIMITS) -> None:
        self.events: list[Event] = []
        self.running: list[int] = []
        self.most = 0
        self.answers = list(answers)
        self.turn, effects = begin("s", "agent", ASKED, limits, 0.0)
        self.do(effects)

    def do(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case StartCompletion(conversation):
                    assert well_formed(conversation) == conversation
                    for delta in self.answers.pop(0):
                        self.happens(delta)
                case RunTool(called):
                    self.running.append(called.index)
                    self.most = max(self.most, len(self.running))
                case _:
                    self.events.append(effect)

    def happens(self, what: Delta | ToolFinished) -> None:
        self.turn, effects = step(self.turn, what, 1.0)
        self.do(effects)

    def finish(self, index: int, result: ToolResult = FOUND) -> None:
        self.running.remove(index)
        self.happens(ToolFinished(index, result))


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


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


def test_an_answer_that_was_cut_is_complete_and_says_so() -> None:
    play = Play([*text("Once upon"), Finished(FinishReason.LENGTH, "length", complete=False)])
    end = play.events[-1]
    assert isinstance(end, StreamComplete)
    assert end.response.finish_reason is FinishReason.LENGTH
    assert play.turn.conversation[-1] == AssistantMessage("Once upon", partial=True)


def test_a_turn_that_never_stops_calling_ends_at_its_limit() -> None:
    play = Play([*calls(1), FINISHED], [*calls(1), FINISHED], limits=Limits(model_calls=2))
    play.finish(0)
    play.finish(0)
    end = play.events[-1]
    assert isinstance(end, StreamError)
    assert end.reason == LimitReached("max_model_calls", 2)


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


pieces = st.text(min_size=1, max_size=4)


@st.composite
def answers(draw: st.DrawFn, *, with_calls: bool) -> list[Delta]:
    deltas: list[Delta] = []
    for index in range(draw(st.integers(1, 3)) if with_calls else 0):
        deltas += text(*draw(st.lists(pieces, max_size=2)))
        deltas += call(index, *draw(st.lists(pieces, min_size=1, max_size=3)))
    deltas += [ReasoningDelta(piece) for piece in draw(st.lists(pieces, max_size=1))]
    return [*deltas, *text(*draw(st.lists(pieces, max_size=3))), FINISHED]


@given(st.data())
def test_every_law_of_a_stream_holds_until_any_end(data: st.DataObject) -> None:
    rounds = [data.draw(answers(with_calls=True)) for _ in range(data.draw(st.integers(0, 2)))]
    rounds.append(data.draw(answers(with_calls=False)))
    play = Play(*rounds, limits=Limits(parallel_tools=data.draw(st.integers(1, 3))))
    stop_after = data.draw(st.integers(0, 12))
    for _ in range(stop_after):
        if play.running:
            play.finish(data.draw(st.sampled_from(play.running)))
    if play.turn.phase is not Phase.ENDED:
        play.turn, effects = fail(play.turn, Cancelled(), 2.0)
        play.do(effects)
    check_laws(play.events, play.turn)


def check_laws(events: list[Event], turn: Turn) -> None:
    """Laws 1 to 4 and 7 of the architecture's "Laws of a stream"."""
    assert isinstance(events[0], StreamStart)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [isinstance(event, StreamComplete | StreamError) for event in events].count(True) == 1
    end = events[-1]
    tokens = "".join(event.token for event in events if isinstance(event, StreamToken))
    started = [e.function_call.id for e in events if isinstance(e, StreamFunctionCallStarted)]
    completed = [e.function_call.id for e in events if isinstance(e, StreamFunctionCallComplete)]
    results = [e.tool_call.id for e in events if isinstance(e, StreamToolResult)]
    if isinstance(end, StreamComplete):
        assert sorted(started) == sorted(completed) == sorted(results)
        assert end.response.content == tokens
        assert tokens.endswith(end.response.answer)
    else:
        assert isinstance(end, StreamError)
        assert end.content == tokens
        assert len(results) <= len(completed) <= len(started)
    for event in events:
        if isinstance(event, StreamFunctionCallComplete):
            assert event.function_call.arguments in joined_arguments(events)
    sent = well_formed(turn.conversation)
    assert well_formed(sent) == sent


def joined_arguments(events: list[Event]) -> set[str]:
    """The joined argument deltas of each call of each model call."""
    joined: set[str] = set()
    now: dict[int, str] = {}
    for event in events:
        if isinstance(event, StreamFunctionArgumentsDelta):
            now[event.index] = now.get(event.index, "") + event.delta
        elif isinstance(event, StreamFunctionExecutionStart | StreamComplete | StreamError):
            joined |= set(now.values())
            now = {}
    return joined
