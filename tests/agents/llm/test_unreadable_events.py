"""A garbled event in mid-stream is skipped. The possible loss decides whether the answer fails."""

import json
from typing import Any

import pytest

from agents.core.errors import ConnectionClosed, NetworkError, ParseError, Timeout
from agents.llm.chat import ChatReader
from agents.llm.reader import MOST_SKIPPED, StreamReader
from agents.llm.responses import ResponsesReader
from tests.agents.llm.answer import Answer, answer_of, events, ids

BAD = '{"id": "broken", "choices": [{"ind'
PROSE = "upstream went away"


def chunk(content: str | None = None, finish: str | None = None, *calls: dict[str, Any]) -> str:
    delta = ({} if content is None else {"content": content}) | ({"tool_calls": list(calls)} if calls else {})
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def call(arguments: str, **head: Any) -> dict[str, Any]:
    return {"index": 0, **head, "function": {"arguments": arguments} | ({"name": "f"} if head else {})}


def chat(*data: str) -> Answer:
    reader = ChatReader(ids())
    return answer_of(reader.feed(events(*data)) + reader.end())


def event(kind: str, **fields: Any) -> str:
    return json.dumps({"type": f"response.{kind}", **fields})


def text(delta: str) -> str:
    return event("output_text.delta", output_index=0, content_index=0, delta=delta)


def message(*texts: str) -> dict[str, Any]:
    return {"type": "message", "content": [{"type": "output_text", "text": each} for each in texts]}


def completed(*output: dict[str, Any]) -> str:
    return event("completed", response={"id": "r1", "status": "completed", "output": list(output)})


def responses(*data: str) -> Answer:
    reader = ResponsesReader(ids())
    return answer_of(reader.feed(events(*data)) + reader.end(), exact=False)


STOP = chunk(finish="stop")
ITEM = {"type": "function_call", "id": "fc", "call_id": "a", "name": "f", "arguments": ""}
ADDED = event("output_item.added", output_index=0, item=ITEM)


def piece(delta: str) -> str:
    return event("function_call_arguments.delta", output_index=0, delta=delta)


def test_a24_text_around_a_garbled_event_is_read_and_the_loss_reported() -> None:
    answer = chat(chunk("a"), BAD, chunk("b"), STOP, "[DONE]")
    assert answer.content == "ab"
    assert answer.finished is not None
    assert (len(answer.finished.skipped), answer.finished.lossy) == (1, True)
    assert "expected JSON in an event" in answer.finished.skipped[0]


@pytest.mark.parametrize(
    "bad", [BAD, '{"a": 1,}', '{"a"', "[1, 2", '"abc', '{"choices": [{"delta": {"content": "x}}]}']
)
def test_a24_garbled_json_of_any_kind_is_left_out(bad: str) -> None:
    assert chat(chunk("a"), bad, chunk("b"), STOP).content == "ab"
    assert responses(text("a"), bad, text("b"), completed(message("ab"))).content == "ab"


def test_a24_more_garbled_events_than_a_few_fail_the_answer() -> None:
    answer = chat(chunk("a"), *[BAD] * MOST_SKIPPED, chunk("b"), STOP)
    assert answer.finished is not None
    assert len(answer.finished.skipped) == MOST_SKIPPED
    answer = chat(chunk("a"), *[BAD] * (MOST_SKIPPED + 1), chunk("b"), STOP)
    assert (answer.content, type(answer.fault)) == ("a", ParseError)
    answer = responses(text("a"), *[BAD] * (MOST_SKIPPED + 1), completed(message("a")))
    assert isinstance(answer.fault, ParseError)


def test_a24_prose_in_place_of_json_is_the_servers_word_and_fails_the_answer() -> None:
    assert isinstance(chat(chunk("a"), PROSE, chunk("b"), STOP).fault, ParseError)
    assert isinstance(responses(text("a"), PROSE, completed(message("a"))).fault, ParseError)


@pytest.mark.parametrize("reader", [ChatReader, ResponsesReader])
def test_a24_prose_between_events_is_the_fault_of_a_cut_answer_however_it_is_chunked(
    reader: type[StreamReader],
) -> None:
    first = events(chunk("a") if reader is ChatReader else text("a"))
    prose = f"{PROSE}\n\n".encode()
    for chunks in ([first + prose], [first, prose], [first + prose[:5], prose[5:]]):
        whole = reader(ids())
        answer = answer_of([*(delta for each in chunks for delta in whole.feed(each)), *whole.end()])
        assert answer.fault == ParseError(f"expected an event stream, got {PROSE!r}")


@pytest.mark.parametrize("end", [[], ["[DONE]"]])
def test_a24_a_garbled_event_and_no_finish_reason_fail_the_answer(end: list[str]) -> None:
    answer = chat(chunk("a"), BAD, chunk("b"), *end)
    assert (answer.content, type(answer.fault)) == ("ab", ParseError)
    answer = responses(text("a"), BAD, text("b"), *end)
    assert (answer.content, type(answer.fault)) == ("ab", ParseError)


@pytest.mark.parametrize("fault", [Timeout("data from the provider", 1.0), NetworkError("econnreset")])
def test_a24_a_connection_that_breaks_later_keeps_its_own_fault(fault: Timeout | NetworkError) -> None:
    reader = ChatReader(ids())
    answer = answer_of(reader.feed(events(chunk("a"), BAD)) + reader.break_off(fault))
    assert answer.fault == fault


def test_a24_an_answer_that_says_nothing_else_fails() -> None:
    assert isinstance(chat(BAD, STOP).fault, ParseError)
    assert isinstance(chat(BAD, chunk(finish="tool_calls")).fault, ParseError)
    assert isinstance(responses(BAD, completed()).fault, ParseError)


@pytest.mark.parametrize("place", range(4))
def test_a24_no_call_of_a_chat_runs_beside_a_garbled_event(place: int) -> None:
    """Arguments that lost a piece may still be JSON: 100 may become 10."""
    data = [chunk(None, None, call('{"x": 1', id="a")), chunk(None, None, call("0")), chunk(None, None, call("}"))]
    answer = chat(*data[:place], BAD, *data[place:], chunk(finish="tool_calls"), "[DONE]")
    assert isinstance(answer.fault, ParseError)
    assert answer.done == []


def test_a24_the_final_output_mends_the_text() -> None:
    answer = responses(text("ab"), BAD, text("ef"), completed(message("abcdef")))
    assert answer.content == "abcdef"
    assert answer.finished is not None
    assert (len(answer.finished.skipped), answer.finished.lossy) == (1, False)


def test_a24_a_final_output_that_agrees_shows_that_no_text_was_lost() -> None:
    answer = responses(text("ab"), BAD, text("cd"), completed(message("abcd")))
    assert answer.content == "abcd"
    assert answer.finished is not None
    assert not answer.finished.lossy


@pytest.mark.parametrize("output", [[], [message("xyz")]])
def test_a24_without_a_final_output_that_fits_the_loss_is_reported(output: list[dict[str, Any]]) -> None:
    answer = responses(text("ab"), BAD, text("ef"), completed(*output))
    assert answer.content == "abef"
    assert answer.finished is not None
    assert answer.finished.lossy


def test_a24_a_call_that_another_event_has_whole_runs_with_those_arguments() -> None:
    whole = ITEM | {"arguments": '{"x": 100}'}
    for last in (
        [event("output_item.done", output_index=0, item=whole), completed()],
        [event("function_call_arguments.done", output_index=0, arguments='{"x": 100}'), completed()],
        [completed(whole)],
    ):
        answer = responses(ADDED, piece('{"x": 1'), BAD, piece("0}"), *last)
        assert answer.finished is not None, answer.fault
        assert [each["arguments"] for each in answer.calls] == ['{"x": 100}']


def test_a24_a_call_that_only_deltas_have_does_not_run() -> None:
    assert isinstance(responses(ADDED, piece('{"x": 1'), BAD, piece("0}"), completed()).fault, ParseError)


@pytest.mark.parametrize("rubbish", ["oops", "[done]", "{", "<html>", BAD])
def test_a14_rubbish_after_the_finish_reason_costs_nothing(rubbish: str) -> None:
    for tail in ([rubbish], [rubbish] * 9, [rubbish, "[DONE]"]):
        answer = chat(chunk("Hi"), STOP, *tail)
        assert answer.content == "Hi"
        assert answer.finished is not None
        assert answer.finished.skipped == ()
        assert responses(text("Hi"), completed(message("Hi")), *tail).fault is None


def test_a14_an_event_over_the_limit_after_the_finish_reason_costs_nothing() -> None:
    reader = ChatReader(ids(), limit_bytes=1000)
    deltas = reader.feed(events(chunk("Hi"), STOP)) + reader.feed(b"data: " + b"x" * 2000)
    assert answer_of(deltas).content == "Hi"
    assert answer_of(deltas).finished is not None


def test_a24_a_cut_event_at_the_end_of_the_body_is_a_broken_connection() -> None:
    reader = ChatReader(ids())
    deltas = reader.feed(events(chunk("a")) + f"data: {BAD}".encode()) + reader.end()
    assert answer_of(deltas).fault == ConnectionClosed()
