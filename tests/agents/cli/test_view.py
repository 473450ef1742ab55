"""The view as a value: the finished blocks, their order, and the unfinished part."""

from collections.abc import Iterable

from agents.cli.view.view import (
    AnswerText,
    Block,
    Call,
    CallTable,
    Note,
    NoteLine,
    ReasoningText,
    TurnFigures,
    View,
    close,
    step,
)
from agents.core.conversation import Function, ToolCall
from agents.core.errors import ConnectionClosed
from agents.core.events import (
    Event,
    StreamApprovalRequired,
    StreamComplete,
    StreamError,
    StreamHandoff,
    StreamReasoning,
    StreamReset,
    StreamSubAgent,
    StreamToken,
    StreamToolProgress,
    StreamToolStart,
)
from agents.core.response import Response
from tests.agents.cli.turns import RUNNING, TURN, answered, asked, begun, tokens

NEW = View()


def folded(happened: Iterable[Event | Note], view: View = NEW) -> tuple[View, list[Block]]:
    blocks: list[Block] = []
    for now_s, each in enumerate(happened):
        view, finished = step(view, each, float(now_s))
        blocks += finished
    return view, blocks


def test_a_turn_becomes_its_text_its_calls_and_its_figures_in_order() -> None:
    view, blocks = folded(TURN)
    assert view == View()
    first, called, second, third, ended = blocks
    assert (first, second, third) == (AnswerText("I will look."), AnswerText("It is"), AnswerText("found."))
    assert isinstance(called, CallTable)
    assert [(call.name, call.arguments) for call in called.calls] == [
        ("lookup", '{"key": "a"}'),
        ("divide", '{"by": 0}'),
    ]
    assert [call.result.error for call in called.calls if call.result] == [None, "raised"]
    assert isinstance(ended, TurnFigures)


def test_a_line_is_finished_by_its_newline_and_not_before() -> None:
    view, blocks = folded([StreamToken("one\ntwo\nthr")])
    assert (view.text, blocks) == ("thr", [AnswerText("one\ntwo")])


def test_arguments_grow_as_they_come_and_the_clock_starts_with_the_run() -> None:
    started, delta, *rest = asked("lookup", '{"key": 1}')
    view, _ = folded([started, delta])
    assert view.calls == (Call(0, "lookup", '{"key', id="call_0"),)
    view, _ = folded([*rest, RUNNING], view)
    assert view.calls == (Call(0, "lookup", '{"key": 1}', id="call_0"),)
    view, _ = folded([begun("lookup", '{"key": 1}')], view)
    assert view.calls == (Call(0, "lookup", '{"key": 1}', started_s=0.0, id="call_0"),)


def test_a_call_shows_what_its_sub_agent_does() -> None:
    below = ("call_0",)
    view, _ = folded([*asked("researcher", "{}"), RUNNING, StreamSubAgent(below, StreamToken("x"))])
    assert [call.progress for call in view.calls] == ["writes"]
    search = ToolCall("call_7", Function("search", '{"q":1}'))
    view, _ = folded([StreamSubAgent((*below, "call_7"), StreamToolStart(search))], view)
    assert [call.progress for call in view.calls] == ['> search {"q":1}']
    view, blocks = folded([StreamSubAgent(below, StreamComplete(Response("x", "x")))], view)
    assert ([call.progress for call in view.calls], blocks) == (['> search {"q":1}'], [])


def test_a_hand_off_is_a_line() -> None:
    _, blocks = folded([StreamHandoff("billing")])
    assert blocks == [NoteLine(Note("billing speaks"))]


def test_calls_are_finished_when_the_last_one_has_its_result() -> None:
    view, blocks = folded([*asked("a", "{}", 0), *asked("b", "{}", 1), RUNNING, answered("b", "2", 1)])
    assert (len(view.calls), blocks) == (2, [])
    view, blocks = folded([answered("a", "1", 0)], view)
    assert view.calls == ()
    assert [type(block) for block in blocks] == [CallTable]


def test_calls_of_a_later_model_call_start_a_new_table() -> None:
    _, blocks = folded([*asked("a", "{}"), RUNNING, answered("a", "1"), *asked("b", "{}"), RUNNING, answered("b", "2")])
    assert [[call.name for call in block.calls] for block in blocks if isinstance(block, CallTable)] == [["a"], ["b"]]


def test_a_note_stays_with_the_calls_that_it_is_about() -> None:
    note = Note("a worker died", report=True)
    _, blocks = folded([*asked("a", "{}"), RUNNING, note, answered("a", "1")])
    (called,) = blocks
    assert isinstance(called, CallTable)
    assert called.notes == (note,)


def test_a_note_waits_for_the_end_of_a_line_and_cuts_no_sentence() -> None:
    note = Note("a worker was replaced")
    _, blocks = folded([*tokens("half a "), note, *tokens("sentence.\nmore")])
    assert blocks == [AnswerText("half a sentence."), NoteLine(note)]


def test_a_note_without_anything_open_is_finished_at_once() -> None:
    note = Note("hello")
    assert step(View(), note, 0.0) == (View(), (NoteLine(note),))


def test_reasoning_is_not_part_of_the_answer() -> None:
    _, blocks = folded([StreamReasoning("hmm"), StreamReasoning(" so"), *tokens("Yes.\n")])
    assert blocks == [ReasoningText("hmm so\n"), AnswerText("Yes.")]


def test_a_failed_turn_leaves_its_output_so_far() -> None:
    _, blocks = folded([*asked("a", "{}"), RUNNING, StreamError(ConnectionClosed())])
    (called,) = blocks
    assert isinstance(called, CallTable)
    assert called.calls[0].result is None


def test_a_view_closed_early_leaves_its_output_so_far() -> None:
    view, _ = folded(tokens("half a sen"))
    assert close(view) == (View(), (AnswerText("half a sen"),))


def test_output_that_a_reset_voids_is_finished_with_a_note_below_it() -> None:
    view, blocks = folded([*tokens("It is fo"), StreamReset(ConnectionClosed(), "")])
    assert view == NEW
    text, noted = blocks
    assert text == AnswerText("It is fo")
    assert isinstance(noted, NoteLine)
    assert "connection closed" in noted.note.text


def test_a_running_call_shows_its_last_progress() -> None:
    call = ToolCall("call_0", Function("dig", "{}"))
    view, _ = folded([*asked("dig", "{}"), RUNNING, StreamToolProgress(call, "half"), StreamToolProgress(call, [3, 4])])
    assert [each.progress for each in view.calls] == ["[3,4]"]
    view, _ = folded([StreamApprovalRequired(call, 60.0)], view)
    assert [each.progress for each in view.calls] == ["waits for approval"]
    view, _ = folded([begun("dig", "{}")], view)
    assert [(each.progress, each.started_s) for each in view.calls] == [("", 0.0)]
