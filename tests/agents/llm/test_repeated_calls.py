"""Calls that a server repeats, whole or in part: each call runs once, and its arguments count once."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.llm.arguments import Arguments
from agents.llm.chat import ChatReader
from agents.llm.responses import ResponsesReader
from tests.agents.llm.answer import Answer, answer_of, events, ids

WHOLE = '{"a": 1, "b": [{"c": 2}]}'
ADD = [{"id": "id1", "name": "add", "arguments": WHOLE}]
SNAPSHOTS = [WHOLE[:7], WHOLE[:12], WHOLE[:20], WHOLE]


def piece(arguments: Any, **head: Any) -> dict[str, Any]:
    """Return an element of delta.tool_calls. head: index, id, name; None is left out."""
    function = {"name": head.pop("name", None), "arguments": arguments}
    own = {key: value for key, value in head.items() if value is not None}
    return own | {"function": {key: value for key, value in function.items() if value is not None}}


def chat(*pieces: dict[str, Any], finish: dict[str, Any] | None = None, message: Any = None) -> Answer:
    """Return a stream with one piece per chunk. finish: a piece in the finish chunk. message: that chunk's message."""
    chunks: list[Any] = [{"index": 0, "delta": {"tool_calls": [one]}, "finish_reason": None} for one in pieces]
    end: dict[str, Any] = {
        "index": 0,
        "delta": {"tool_calls": [finish]} if finish else {},
        "finish_reason": "tool_calls",
    }
    chunks.append(end | ({"message": message} if message else {}))
    reader = ChatReader(ids())
    body = events(*(json.dumps({"choices": [each]}) for each in chunks), "[DONE]")
    return answer_of(reader.feed(body) + reader.end())


FULL = {"index": 0, "id": "id1", "name": "add"}
HEADS = [FULL, FULL | {"index": None}, {"index": 0}, {"index": 0, "name": "add"}, {"id": "id1"}, {"name": "add"}]


@pytest.mark.parametrize("head", HEADS, ids=str)
def test_c28_snapshots_of_growing_arguments_are_one_call(head: dict[str, Any]) -> None:
    first, *rest = SNAPSHOTS
    begun = FULL if "index" in head and head["index"] is not None else FULL | {"index": None}
    assert chat(piece(first, **begun), *(piece(each, **head) for each in rest)).calls == ADD


def test_c28_snapshots_without_any_id_are_one_call() -> None:
    answer = chat(*(piece(each, name="add") for each in SNAPSHOTS))
    assert [each["arguments"] for each in answer.calls] == [WHOLE]


@pytest.mark.parametrize("written", [True, False])
def test_c28_whole_objects_that_grow_are_one_call(written: bool) -> None:
    objects: list[dict[str, Any]] = [{"a": 1}, {"a": 1, "b": [{"c": 2}]}, {"a": 1, "b": [{"c": 2}], "d": {}}]
    pieces = [piece(json.dumps(each) if written else each, **FULL) for each in objects]
    reader = ChatReader(ids())
    chunks = [{"choices": [{"index": 0, "delta": {"tool_calls": [each]}}]} for each in pieces]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    body = events(*map(json.dumps, [*chunks, end]), "[DONE]")
    (call,) = answer_of(reader.feed(body) + reader.end(), exact=False).calls
    assert json.loads(call["arguments"]) == objects[-1]


def test_c28_snapshots_under_new_ids_are_one_call() -> None:
    answer = chat(*(piece(each, index=0, id=f"id{n}", name="add") for n, each in enumerate(SNAPSHOTS, 1)))
    assert answer.calls == ADD


@pytest.mark.parametrize(
    "again", [WHOLE, '{"a":1,"b":[{"c":2}]}', json.loads(WHOLE)], ids=["same", "respaced", "object"]
)
@pytest.mark.parametrize("head", HEADS[:5], ids=str)
def test_c28_a_whole_call_that_comes_twice_runs_once(head: dict[str, Any], again: Any) -> None:
    begun = FULL if head.get("index") is not None else FULL | {"index": None}
    assert chat(piece(WHOLE, **begun), piece(again, **head)).calls == ADD
    assert chat(piece(WHOLE, **begun), finish=piece(again, **head)).calls == ADD


def test_c28_a_call_in_pieces_may_be_repeated_whole() -> None:
    pieces = [WHOLE[begin:end] for begin, end in pairwise([0, 3, 9, 15, len(WHOLE)])]
    first, *rest = [piece(each, **(FULL if n == 0 else {"index": 0})) for n, each in enumerate(pieces)]
    assert chat(first, *rest, piece(WHOLE, **FULL)).calls == ADD
    assert chat(first, *rest, finish=piece(WHOLE, **FULL)).calls == ADD
    assert chat(first, *rest, message={"tool_calls": [piece(WHOLE, **FULL)]}).calls == ADD


def test_c28_two_calls_that_are_alike_stay_two_where_each_has_its_id_or_its_index() -> None:
    assert len(chat(piece("{}", index=0, id="a", name="f"), piece("{}", index=0, id="b", name="f")).calls) == 2
    assert len(chat(piece("{}", index=0, name="f"), piece("{}", index=1, name="f")).calls) == 2
    assert len(chat(piece("{}", name="f"), piece("{}", name="f")).calls) == 2


def test_c28_growing_deltas_of_the_responses_api_are_one_call() -> None:
    item = {"type": "function_call", "id": "fc", "call_id": "id1", "name": "add", "arguments": ""}
    kind = "response.function_call_arguments.delta"
    data = [{"type": "response.output_item.added", "output_index": 0, "item": item}]
    data += [{"type": kind, "output_index": 0, "delta": each} for each in SNAPSHOTS]
    data += [{"type": "response.completed", "response": {"id": "r", "status": "completed", "output": []}}]
    reader = ResponsesReader(ids())
    assert answer_of(reader.feed(events(*map(json.dumps, data))) + reader.end()).calls == ADD


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('{}[]":,a ', max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('{}[]":,a ', max_size=4), inner, max_size=3),
    max_leaves=6,
)
documents = st.dictionaries(st.text('{}[]":,a ', max_size=4), json_values, max_size=4).map(json.dumps)


@given(whole=documents, cuts=st.lists(st.integers(0, 60), max_size=6))
def test_pieces_that_are_not_repeated_are_joined(whole: str, cuts: list[int]) -> None:
    arguments = Arguments()
    for begin, end in pairwise(sorted({0, len(whole), *(cut % (len(whole) + 1) for cut in cuts)})):
        arguments.add(whole[begin:end])
    assert arguments.whole() == whole


@given(whole=documents, cuts=st.lists(st.integers(0, 60), max_size=6))
def test_snapshots_of_any_arguments_come_to_the_last_one(whole: str, cuts: list[int]) -> None:
    arguments = Arguments()
    for end in sorted({len(whole), *(cut % (len(whole) + 1) for cut in cuts)}):
        arguments.add(whole[:end])
    assert json.loads(arguments.whole()) == json.loads(whole)
