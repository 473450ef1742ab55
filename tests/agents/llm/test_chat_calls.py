"""Tool calls in chat chunks: each piece joins its call, whatever index, id and name the provider sends."""

import json
from typing import Any

import pytest

from agents.core.deltas import CallDelta, CallDone, CallStarted, Delta, Finished, FinishReason
from agents.core.errors import ParseError
from agents.llm.chat import ChatReader
from tests.agents.llm.answer import Answer, answer_of, events, ids

A = {"id": "a", "name": "f", "arguments": '{"x":1}'}
B = {"id": "b", "name": "g", "arguments": '{"y":2}'}


def piece(index: Any = ..., id: Any = ..., name: Any = ..., arguments: Any = ..., **fields: Any) -> dict[str, Any]:  # noqa: A002
    """Return an element of delta.tool_calls with only the given fields."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not ...}
    own = {key: value for key, value in (("index", index), ("id", id)) if value is not ...}
    return own | ({"function": function} if function else {}) | fields


def chunk(*pieces: dict[str, Any]) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": {"tool_calls": list(pieces)}, "finish_reason": None}]})


def finish(reason: str) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})


def deltas_of(*data: str) -> list[Delta]:
    reader = ChatReader(ids())
    return reader.feed(events(*data)) + reader.end()


def read(*pieces: dict[str, Any], reason: str = "tool_calls") -> Answer:
    """Return the answer of a stream with one piece per chunk."""
    return answer_of(deltas_of(*[chunk(one) for one in pieces], finish(reason)))


def test_two_calls_in_fragments_interleaved_by_index() -> None:
    answer = read(
        piece(0, "a", "f", ""), piece(1, "b", "g", ""), piece(0, arguments='{"x"'), piece(1, arguments='{"y":2}'),
        piece(0, arguments=":1}"),
    )  # fmt: skip
    assert answer.calls == [A, B]


@pytest.mark.parametrize("index", [..., None])
def test_c1_without_index_an_id_or_a_name_begins_a_call_and_the_rest_goes_to_the_last(index: Any) -> None:
    answer = read(
        piece(index, "a", "f", '{"x"'), piece(index, arguments=":1}"), piece(index, "b", "g"),
        piece(index, "b", arguments='{"y":2}'),
    )  # fmt: skip
    assert answer.calls == [A, B]


def test_c1_without_index_and_ids_a_name_after_arguments_begins_a_call() -> None:
    answer = read(piece(name="f", arguments='{"x":1}'), piece(name="f", arguments='{"x":2}'))
    assert [call["arguments"] for call in answer.calls] == ['{"x":1}', '{"x":2}']


@pytest.mark.parametrize("index", [-1, 7, 10**15])
def test_c2_c6_an_index_is_an_opaque_key(index: int) -> None:
    answer = read(piece(index, "a", "f", '{"x"'), piece(index, arguments=":1}"))
    assert answer.calls == [A]


def test_c3_a_new_id_with_a_name_on_a_used_index_begins_a_call() -> None:
    answer = read(piece(0, "a", "f", '{"x":1}'), piece(0, "b", "g", '{"y"'), piece(0, "", "", ":2}"))
    assert answer.calls == [A, B]


def test_c3_the_same_id_and_name_again_begin_no_call() -> None:
    answer = read(piece(0, "a", "f", '{"x"'), piece(0, "a", "f", ":1}"))
    assert answer.calls == [A]


def test_c4_two_documents_on_one_index_are_joined_and_left_to_the_parser() -> None:
    answer = read(piece(0, "a", "f", '{"x":1}'), piece(0, arguments='{"y":2}'))
    assert answer.calls == [A | {"arguments": '{"x":1}{"y":2}'}]


def test_c5_orphan_arguments_go_to_the_only_call_without_arguments() -> None:
    answer = read(piece(0, "a", "f", ""), piece(1, arguments='{"x"'), piece(1, arguments=":1}"))
    assert answer.calls == [A]


def test_c5_orphan_arguments_that_fit_no_call_fail_the_answer() -> None:
    answer = read(piece(0, "a", "f", '{"x":1}'), piece(1, arguments='{"y":2}'))
    assert answer.fault == ParseError("expected the name of a tool call, got only its arguments")
    assert answer.done == []


def test_c7_a_repeated_id_is_set_once() -> None:
    assert read(piece(0, "a", "f", '{"x"'), piece(0, "a", arguments=":1}")).calls == [A]


@pytest.mark.parametrize("absent", ["", None, "null", ...])
def test_c8_c13_an_absent_id_or_name_in_later_deltas_changes_nothing(absent: Any) -> None:
    assert read(piece(0, "a", "f", '{"x"'), piece(0, absent, absent, ":1}")).calls == [A]


@pytest.mark.parametrize("absent", ["", None, "null", ...])
def test_c9_a_late_id_wins_and_one_that_never_comes_is_made_up(absent: Any) -> None:
    assert read(piece(0, absent, "f", '{"x"'), piece(0, "a", arguments=":1}")).calls == [A]
    assert read(piece(0, absent, "f", '{"x":1}')).calls == [A | {"id": "made_up_1"}]


def test_c10_index_zero_is_an_index() -> None:
    answer = read(piece(1, "b", "g", '{"y"'), piece(0, "a", "f", '{"x":1}'), piece(1, arguments=":2}"))
    assert answer.calls == [B, A]


def test_c11_calls_with_one_id_get_distinct_ids() -> None:
    answer = read(piece(0, "a", "f", '{"x":1}'), piece(1, "a", "g", '{"y"'), piece(1, "a", "g", ":2}"))
    assert answer.calls == [A, B | {"id": "made_up_1"}]


def test_c12_a_name_in_a_later_delta_is_waited_for() -> None:
    assert read(piece(0, "a", arguments=""), piece(0, name="f"), piece(0, arguments='{"x":1}')).calls == [A]
    assert read(piece(0, "a", arguments='{"x"'), piece(0, name="f", arguments=":1}")).calls == [A]


def test_c13_a_name_cut_in_two_is_joined_until_arguments_come() -> None:
    answer = read(piece(0, "a", "get_"), piece(0, name="weather"), piece(0, arguments="{}"))
    assert answer.calls == [{"id": "a", "name": "get_weather", "arguments": "{}"}]
    assert read(piece(0, "a", "f", '{"x"'), piece(0, name="g", arguments=":1}")).calls == [A]


@pytest.mark.parametrize("arguments", ["", None, ...])
def test_c14_a_call_without_arguments_is_a_call(arguments: Any) -> None:
    assert read(piece(0, "a", "f", arguments)).calls == [A | {"arguments": ""}]


def test_c15_arguments_as_an_object_are_written_as_json() -> None:
    assert read(piece(0, "a", "f", {"x": 1})).calls == [A]


def test_c16_several_whole_calls_in_one_delta() -> None:
    both = chunk(piece(0, "a", "f", '{"x":1}'), piece(1, "b", "g", '{"y":2}'))
    assert answer_of(deltas_of(both, finish("tool_calls"))).calls == [A, B]


def test_c17_a_call_is_done_only_at_the_end_of_the_stream() -> None:
    reader = ChatReader(ids())
    deltas = reader.feed(events(chunk(piece(0, "a", "f", "{}")), finish("tool_calls")))
    assert deltas == [CallStarted(0, "a", "f"), CallDelta(0, "{}")]
    assert reader.feed(events(chunk(piece(0, arguments=" ")))) == [CallDelta(0, " ")]
    assert reader.end()[0] == CallDone(0, "{} ")


def test_c18_arguments_are_the_wire_string_and_never_repaired() -> None:
    assert read(piece(0, "a", "f", "{'x': True,")).calls[0]["arguments"] == "{'x': True,"


def test_c19_whole_arguments_repeated_after_the_finish_reason_are_ignored() -> None:
    data = [chunk(piece(0, "a", "f", '{"x":1}')), finish("tool_calls"), chunk(piece(0, arguments='{"x":1}'))]
    assert answer_of(deltas_of(*data, "[DONE]")).calls == [A]


@pytest.mark.parametrize("reason", ["length", "content_filter", "max_tokens"])
def test_c20_an_answer_that_was_cut_is_not_complete(reason: str) -> None:
    answer = read(piece(0, "a", "f", '{"x'), reason=reason)
    assert answer.finished is not None
    assert not answer.finished.complete
    assert answer.finished.reason in (FinishReason.LENGTH, FinishReason.CONTENT_FILTER)


def test_c23_halves_of_a_character_in_two_pieces_of_arguments_are_joined() -> None:
    first = (
        r'{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"\ud83c"}}]}}]}'
    )
    second = r'{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\udfad\ud83c"}}]}}]}'
    assert answer_of(deltas_of(first, second, "[DONE]")).calls[0]["arguments"] == "🎭�"


def test_c26_fields_that_we_do_not_know_are_kept() -> None:
    signature = {"google": {"thought_signature": "sig"}}
    answer = read(piece(0, "a", "f", "{}", type="function", extra_content=signature), piece(0, arguments=""))
    assert answer.extra == {0: {"extra_content": signature}}


@pytest.mark.parametrize("odd", [None, 3, "x", [], {}, {"index": 0}, {"function": 3}, {"function": {"arguments": 3}}])
def test_empty_pieces_are_not_calls(odd: Any) -> None:
    answer = answer_of(deltas_of(chunk(odd), chunk(piece(0, "a", "f", '{"x":1}')), finish("tool_calls")))
    assert answer.calls == [A]
    assert isinstance(answer.finished, Finished)
