"""Several choices, or an index that counts chunks: an answer never mixes the text or the calls of two choices."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.deltas import Failed, FinishReason
from agents.core.errors import ConnectionClosed
from agents.llm.chat import ChatReader
from agents.llm.chat.choices import MANY
from tests.agents.llm.answer import Answer, answer_of, events, ids

STOP = "stop"


def choice(index: Any, content: str | None = None, finish: str | None = None, *calls: dict[str, Any]) -> str:
    """Return a chunk with one choice."""
    delta: dict[str, Any] = {} if content is None else {"content": content}
    if calls:
        delta["tool_calls"] = list(calls)
    return json.dumps({"choices": [{"index": index, "delta": delta, "finish_reason": finish}]})


def call(id_: str, arguments: str = "{}", index: int | None = 0) -> dict[str, Any]:
    return {"index": index, "id": id_, "function": {"name": "f", "arguments": arguments}}


def read(chunks: Iterable[str], *, done: bool = True) -> Answer:
    reader = ChatReader(ids())
    return answer_of(reader.feed(events(*chunks, *(["[DONE]"] if done else []))) + reader.end())


def called(answer: Answer) -> list[str]:
    return [each["id"] for each in answer.calls]


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("done", [True, False])
def test_b18_of_choices_that_take_turns_the_first_is_read(count: int, done: bool) -> None:
    words = [choice(n, word) for word in ("One", " two") for n in range(count)]
    answer = read([*words, *(choice(n, None, STOP) for n in range(count))], done=done)
    assert answer.content == "One two"
    assert answer.finished is not None
    assert answer.finished.reason is FinishReason.STOP


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("place", [0, None])
def test_b18_of_calls_in_each_choice_only_the_first_ones_run(count: int, place: int | None) -> None:
    calls = [choice(n, None, None, call(f"id{n}", index=place)) for n in range(count)]
    ends = [choice(n, None, "tool_calls") for n in range(count)]
    assert called(read([*calls, *ends])) == ["id0"]
    assert called(read([choice(n, None, "tool_calls", call(f"id{n}", index=place)) for n in range(count)])) == ["id0"]


def test_b18_two_calls_in_the_same_place_are_of_two_choices_without_any_finish_reason() -> None:
    assert called(read([choice(n, None, None, call(f"id{n}")) for n in range(2)])) == ["id0"]


def test_b18_a_call_of_another_choice_is_not_added_to_the_first_choice() -> None:
    answer = read(
        [choice(0, "Hi"), choice(1, None, None, call("b")), choice(0, None, STOP), choice(1, None, "tool_calls")]
    )
    assert (answer.content, answer.calls) == ("Hi", [])
    answer = read([choice(0, "Hi", STOP), choice(1, None, "tool_calls", call("b"))])
    assert (answer.content, answer.calls) == ("Hi", [])


def test_b18_the_end_of_another_choice_settles_nothing() -> None:
    reader = ChatReader(ids())
    deltas = reader.feed(events(choice(0, "a"), choice(1, "x"), choice(1, None, STOP)))
    unsettled = not reader.settled
    deltas += reader.feed(events(choice(0, "b"), choice(0, None, "length")))
    assert (unsettled, reader.settled) == (True, True)
    answer = answer_of(deltas + reader.end())
    assert answer.content == "ab"
    assert answer.finished is not None
    assert answer.finished.raw_reason == "length"


@pytest.mark.parametrize("indexes", [["0", "1"], [0.0, 1.0], ["a", "b"], [7, 3], [None, 1], [-1, 4]])
def test_b18_a_choice_index_may_be_any_scalar(indexes: list[Any]) -> None:
    words = [choice(index, word) for word in ("One", " two") for index in indexes]
    assert read([*words, *(choice(index, None, STOP) for index in indexes)]).content == "One two"


@pytest.mark.parametrize("start", [0, 1, 197])
@pytest.mark.parametrize("length", [2, 5, MANY, 3 * MANY])
@pytest.mark.parametrize("done", [True, False])
def test_b6_all_is_read_where_the_index_counts_chunks(start: int, length: int, done: bool) -> None:
    words = [choice(start + n, f"{n} ") for n in range(length)]
    answer = read([*words, choice(start + length, None, STOP)], done=done)
    assert answer.content == "".join(f"{n} " for n in range(length))
    assert answer.finished is not None


def test_b6_a_call_in_pieces_is_put_together_where_the_index_counts_chunks() -> None:
    pieces = [
        call("a", '{"x"'),
        {"index": 0, "function": {"arguments": ":1"}},
        {"index": 0, "function": {"arguments": "}"}},
    ]
    chunks = [choice(5 + n, None, None, piece) for n, piece in enumerate(pieces)]
    answer = read([*chunks, choice(9, None, "tool_calls")])
    assert answer.calls == [{"id": "a", "name": "f", "arguments": '{"x":1}'}]


def test_b6_a_counter_is_given_as_it_comes_once_it_is_known_to_be_one() -> None:
    reader = ChatReader(ids())
    reader.feed(events(*(choice(n, "x") for n in range(MANY))))
    assert len(reader.feed(events(choice(MANY, "y")))) == 1


def test_held_choices_are_dropped_if_the_connection_breaks() -> None:
    reader = ChatReader(ids())
    deltas = reader.feed(events(choice(0, "One"), choice(1, "One"))) + reader.break_off(ConnectionClosed())
    assert answer_of(deltas).content == "One"


def test_nothing_follows_the_failure_of_a_stream_that_holds_choices() -> None:
    error = json.dumps({"error": {"message": "out of memory"}})
    reader = ChatReader(ids())
    deltas = reader.feed(events(choice(0, "one"), choice(1, "two", STOP), error))
    assert isinstance(deltas[-1], Failed)
    assert reader.end() == []


@given(order=st.permutations([0, 0, 0, 1, 1, 1, 2, 2, 2]), ends=st.permutations([0, 1, 2]))
def test_no_order_of_choices_mixes_their_texts_or_calls(order: list[int], ends: list[int]) -> None:
    """The first choice with content is read."""
    count = [0, 0, 0]
    chunks: list[str] = []
    for index in order:
        count[index] += 1
        last = count[index] == 3
        chunks.append(choice(index, f"{index}{count[index]}", None, *([call(f"id{index}")] if last else [])))
    answer = read([*chunks, *(choice(index, None, "tool_calls") for index in ends)])
    first = order[0]
    assert answer.content == f"{first}1{first}2{first}3"
    assert called(answer) == [f"id{first}"]


def test_b18_of_choices_without_an_index_in_one_chunk_the_first_is_read() -> None:
    chunks = [json.dumps({"choices": [{"delta": {"content": a}}, {"delta": {"content": b}}]}) for a, b in ("AB", "ab")]
    assert read([*chunks, json.dumps({"choices": [{"delta": {}, "finish_reason": STOP}]})]).content == "Aa"


@pytest.mark.parametrize("index", [{}, {"index": 0}])
def test_b18_of_choices_with_one_index_in_a_document_the_first_is_read(index: dict[str, Any]) -> None:
    choices = [{**index, "message": {"content": text}, "finish_reason": STOP} for text in "AB"]
    reader = ChatReader(ids())
    answer = answer_of(reader.feed(json.dumps({"choices": choices}).encode()) + reader.end())
    assert answer.content == "A"
