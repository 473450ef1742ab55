"""One limit of nesting, counted without recursion, for values and for texts."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.conversation import UserMessage
from agents.core.deltas import CallDone, Delta, Finished, TextDelta
from agents.core.depth import MAX_DEPTH, text_too_deep, too_deep
from agents.core.errors import ParseError
from agents.core.events import StreamError
from tests.agents.core.play import Play, call

JSON = st.recursive(st.none() | st.integers() | st.text("[]{}\"\\a", max_size=4), lambda inner: st.lists(inner) | st.dictionaries(st.text("[{\"", max_size=2), inner))  # fmt: skip  # noqa: E501


def nested(depth: int, inside: Any = 1) -> Any:
    for _ in range(depth):
        inside = {"a": inside} if depth % 2 else [inside]
    return inside


def depth_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


@given(JSON, st.integers(0, 2 * MAX_DEPTH))
def test_a_value_is_too_deep_when_it_has_more_levels_than_the_limit(inside: Any, around: int) -> None:
    value = nested(around, inside)
    assert too_deep(value) == text_too_deep(json.dumps(value)) == (depth_of(value) > MAX_DEPTH)


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 964, 973, 990, 1000, 100_000])
def test_no_depth_is_a_recursion_error(depth: int) -> None:
    assert too_deep(nested(depth))
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        assert text_too_deep(opening * depth + "1" + closing * depth)
        assert text_too_deep((opening * depth + "1" + closing * depth).encode())


@pytest.mark.parametrize("text", ["", "no JSON", "[" * 100, '"' + "[" * 100 + '"', "{" * 100 + "x"])
def test_a_text_that_is_not_json_is_left_to_its_reader(text: str) -> None:
    assert not text_too_deep(text)


def test_a_value_that_shares_its_parts_is_counted_once() -> None:
    value: Any = []
    for _ in range(MAX_DEPTH - 1):
        value = [value, value]
    assert not too_deep(value)
    assert too_deep([value, value])


def test_a_value_that_contains_itself_is_too_deep() -> None:
    value: list[Any] = []
    value.append(value)
    assert too_deep(value)


KEPT: dict[str, list[Delta]] = {
    "a call's extra": [*call(0, "{}")[:-1], CallDone(0, "{}", {"deep": nested(MAX_DEPTH)})],
    "an answer's items": [TextDelta("Hi"), Finished(None, items=({"deep": nested(MAX_DEPTH)},))],
}


@pytest.mark.parametrize("said", KEPT.values(), ids=KEPT)
def test_an_answer_whose_data_can_not_be_kept_is_a_parse_error(said: list[Delta]) -> None:
    life = Play(said)
    end = life.events[-1]
    assert isinstance(end, StreamError)
    assert isinstance(end.reason, ParseError)
    assert f"nested at most {MAX_DEPTH} deep" in str(end.reason)
    assert life.running == []
    assert life.turn.conversation[0] == UserMessage("?")
