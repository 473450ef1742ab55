"""A turn in memory: effects are carried out in order, and tools answer when the test lets them."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from agents.core.asking import begin
from agents.core.conversation import UserMessage, well_formed
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
from agents.core.effects import (
    AnswerChecked,
    AwaitDecision,
    BudgetDecided,
    CheckAnswer,
    DropTools,
    Effect,
    Happened,
    RunTool,
    SettleCall,
    StartCompletion,
    Summarise,
    Summarised,
)
from agents.core.errors import (
    NetworkError,
)
from agents.core.events import (
    Event,
    StreamComplete,
    StreamError,
    StreamFunctionArgumentsDelta,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamFunctionExecutionStart,
    StreamReset,
    StreamStart,
    StreamToken,
    StreamToolResult,
    ToolResult,
)
from agents.core.limits import Limits
from agents.core.metrics import Tally
from agents.core.policy import TurnPolicy
from agents.core.retry import RetryPolicy
from agents.core.round import ToolFinished
from agents.core.step import step
from agents.core.turn import Turn

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
    """Carries out effects in order. A tool answers when the test lets it."""

    def __init__(
        self,
        *answers: list[Delta],
        limits: Limits = NO_LIMITS,
        answers_with: Sequence[list[Delta]] = (),
        check: Sequence[AnswerChecked] = (),
        **policy: Any,
    ) -> None:
        self.events: list[Event] = []
        self.running: list[int] = []
        self.most = 0
        self.answers = [*answers, *answers_with]
        self.asked: list[StartCompletion] = []
        self.verdicts = list(check)
        self.turn, effects = begin("s", "agent", ASKED, TurnPolicy(limits, **policy), Tally(0.0))
        self.do(effects)

    def do(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case StartCompletion(conversation):
                    assert well_formed(conversation) == conversation
                    self.asked.append(effect)
                    for delta in self.answers.pop(0):
                        self.happens(delta)
                case RunTool(called) | SettleCall(called):
                    self.running.append(called.index)
                    self.most = max(self.most, len(self.running))
                case DropTools():
                    self.running.clear()
                case CheckAnswer():
                    self.happens(self.verdicts.pop(0))
                case Summarise(planned):
                    self.happens(Summarised(planned, "in short", USAGE))
                case AwaitDecision():
                    self.happens(BudgetDecided())
                case _:
                    self.events.append(effect)

    def happens(self, what: Happened) -> None:
        self.turn, effects = step(self.turn, what, 1.0)
        self.do(effects)

    def finish(self, index: int, result: ToolResult = FOUND) -> None:
        self.running.remove(index)
        self.happens(ToolFinished(index, result))


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


BROKEN = Failed(NetworkError("econnreset"))
TWICE = RetryPolicy(max_retries=1, after_output=True)


pieces = st.text(min_size=1, max_size=4)


@st.composite
def answers(draw: st.DrawFn, *, with_calls: bool) -> list[Delta]:
    deltas: list[Delta] = []
    for index in range(draw(st.integers(1, 3)) if with_calls else 0):
        deltas += text(*draw(st.lists(pieces, max_size=2)))
        deltas += call(index, *draw(st.lists(pieces, min_size=1, max_size=3)))
    deltas += [ReasoningDelta(piece) for piece in draw(st.lists(pieces, max_size=1))]
    return [*deltas, *text(*draw(st.lists(pieces, max_size=3))), FINISHED]


@st.composite
def scripts(draw: st.DrawFn) -> list[list[Delta]]:
    """Return model calls, the last one without tool calls. Each may break anywhere and be made again."""
    rounds: list[list[Delta]] = []
    for with_calls in [*[True] * draw(st.integers(0, 2)), False]:
        said = draw(answers(with_calls=with_calls))
        if draw(st.booleans()):
            rounds.append([*said[: draw(st.integers(0, len(said) - 1))], BROKEN])
        rounds.append(said)
    return rounds


def check_laws(events: list[Event], turn: Turn) -> None:
    """Check laws 1 to 4 and 7 of the architecture's "Laws of a stream"."""
    assert isinstance(events[0], StreamStart)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [isinstance(event, StreamComplete | StreamError) for event in events].count(True) == 1
    end = events[-1]
    tokens, started, completed = "", list[str](), list[str]()
    void: tuple[int, int] = (0, 0)  # the number of both in ended model calls
    for event in events:
        match event:
            case StreamReset(content=content):
                tokens, started, completed = content, started[: void[0]], completed[: void[1]]
            case StreamToken(token):
                tokens += token
            case StreamFunctionCallStarted(called):
                started.append(called.id)
            case StreamFunctionCallComplete(called):
                completed.append(called.id)
            case StreamFunctionExecutionStart():
                void = len(started), len(completed)
    results = [e.tool_call.id for e in events if isinstance(e, StreamToolResult)]
    if isinstance(end, StreamComplete):
        assert sorted(started) == sorted(completed) == sorted(results)
        assert end.response.content == tokens
        assert tokens.endswith(end.response.answer)
    else:
        assert isinstance(end, StreamError)
        assert end.content == tokens
        assert end.response is not None
        assert (end.response.content, end.response.metrics) == (tokens, end.metrics)
        assert len(results) <= len(completed) <= len(started)
    for event in events:
        if isinstance(event, StreamFunctionCallComplete):
            assert event.function_call.arguments in joined_arguments(events)
    sent = well_formed(turn.conversation)
    assert well_formed(sent) == sent


def joined_arguments(events: list[Event]) -> set[str]:
    """Return the joined argument deltas of each call of each model call."""
    joined: set[str] = set()
    now: dict[int, str] = {}
    for event in events:
        if isinstance(event, StreamFunctionArgumentsDelta):
            now[event.index] = now.get(event.index, "") + event.delta
        elif isinstance(event, StreamFunctionExecutionStart | StreamReset | StreamComplete | StreamError):
            joined |= set(now.values())
            now = {}
    return joined
