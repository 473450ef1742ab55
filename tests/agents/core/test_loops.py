"""Calls that are made again and again: counted in a row, and in turn with one other call."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.conversation import Function, ToolCall
from agents.core.loops import LoopPolicy, is_same

POLICY = LoopPolicy(tell=2, exempt=frozenset({"poll"}))
DATA = st.dictionaries(st.sampled_from("abc"), st.integers() | st.text(max_size=3) | st.none(), max_size=3)


def call(name: str, arguments: str = "{}") -> ToolCall:
    return ToolCall("id", Function(name, arguments))


def calls(names: str) -> list[ToolCall]:
    return [call(name) for name in names]


@pytest.mark.parametrize(
    ("names", "count"),
    [
        *[("A", 1), ("AA", 2), ("AAAA", 4), ("ABA", 1), ("ABAB", 2), ("ABABAB", 3), ("BAAA", 3)],
        *[("ABABA", 2), ("ABCABC", 1), ("AAB", 1), ("AABB", 2), ("CCABAB", 2)],
    ],
)
def test_a_repetition_is_the_same_call_in_a_row_or_in_turn_with_one_other(names: str, count: int) -> None:
    *earlier, last = calls(names)
    assert POLICY.count(earlier, last) == count


@given(DATA)
def test_the_order_of_keys_and_the_blanks_do_not_matter(data: dict[str, object]) -> None:
    turned = dict(reversed(data.items()))
    assert is_same(call("a", json.dumps(data)), call("a", json.dumps(turned, indent=2)))
    assert not is_same(call("a", json.dumps(data)), call("b", json.dumps(data)))


def test_arguments_that_are_no_json_are_compared_as_text() -> None:
    assert is_same(call("a", '{"x": '), call("a", ' {"x":'))
    assert not is_same(call("a", '{"x": '), call("a", '{"y": '))
    assert is_same(call("a", "[" * 100_000), call("a", "[" * 100_000 + " "))


def test_an_exempt_tool_and_a_policy_without_numbers_count_nothing() -> None:
    polls = [call("poll")] * 9
    assert POLICY.count(polls, polls[0]) == 0
    assert LoopPolicy().count(calls("AAAA"), call("A")) == 0
