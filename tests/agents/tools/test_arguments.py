"""Laws of arguments: fitting values are typed, other values give one line each, and nothing is guessed."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agents.tools.errors import InvalidArguments
from agents.tools.tool import tool


@tool(isolation="thread")
def place(x: float, y: float, label: str = "", tags: list[str] | None = None) -> None:
    """Place a label."""


@tool(isolation="thread")
def nothing(n: int = 7) -> None:
    """Need nothing."""


COMMA = """Expecting ',' delimiter, near "{\\"x\\": 1, \\"y\\": 2\""""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)

FITTING = st.fixed_dictionaries(
    {"x": st.floats(allow_nan=False, allow_infinity=False), "y": st.integers(-(2**53), 2**53)},
    optional={"label": st.text(), "tags": st.none() | st.lists(st.text(), max_size=3)},
)


def attempt(text: str) -> dict[str, Any] | InvalidArguments:
    try:
        return place.arguments(text)
    except InvalidArguments as error:
        refused = error
    assert refused.faults
    assert all(fault and "\n" not in fault for fault in refused.faults)
    str(refused).encode()
    return refused


@given(st.text(st.characters()))
@example("\ud800")
@example('"\\ud800"')
@example('{"label": "\\ud800"}')
@example('{"x": 1e999, "y": 0}')
@example("[" * 100_000)
@example('{"x":' + "9" * 5000 + "}")
def test_any_text_gives_values_or_faults_of_one_line(text: str) -> None:
    attempt(text)


@given(JSON)
def test_any_json_gives_values_or_faults_of_one_line(value: Any) -> None:
    attempt(json.dumps(value))
    attempt(json.dumps({"x": value, "y": 1, "label": value}))


@given(FITTING)
def test_valid_arguments_arrive_typed(values: dict[str, Any]) -> None:
    expected = {"label": "", "tags": None, **values}
    assert place.arguments(json.dumps(values)) == expected
    assert place.arguments(json.dumps(json.dumps(values))) == expected


@given(FITTING, st.data())
def test_a_truncated_text_is_never_completed(values: dict[str, Any], data: st.DataObject) -> None:
    text = json.dumps(values)
    cut = text[: data.draw(st.integers(1, len(text) - 1))]
    assert isinstance(attempt(cut), InvalidArguments)


@pytest.mark.parametrize("text", ["", " \n\t", "{}"])
def test_an_empty_text_means_no_arguments(text: str) -> None:
    assert nothing.arguments(text) == {"n": 7}


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (
            '{"x": 1, "y": 2',
            [f"arguments: expected valid JSON, got a fault at character 15 of 15: {COMMA}"],
        ),
        ("{}", ["x: expected this argument, got none", "y: expected this argument, got none"]),
        ('{"x": "1", "y": 2}', ['x: input should be a valid number, got "1"']),
        ('{"x": 1, "y": 2, "z": 3}', ["z: expected only x, y, label, tags, got this one too"]),
        ('{"x": 1, "y": 2, "tags": ["a", 3]}', ["tags.1: input should be a valid string, got 3"]),
        ('{"x": 1, "y": NaN}', ["arguments: expected valid JSON, got: NaN, which is not JSON"]),
        ('{"x": 1, "y": 1e999}', ["y: input should be a finite number, got Infinity"]),
        ("[1, 2]", ['arguments: expected a JSON object, got "[1, 2]"']),
        ("null", ['arguments: expected a JSON object, got "null"']),
        ('{"x": 1, "y": 2, "a\\nb": 3}', ['"a\\nb": expected only x, y, label, tags, got this one too']),
        (json.dumps(json.dumps(json.dumps({"x": 1, "y": 2}))), None),
        ("{}{}", None),
        ("{'x': 1, 'y': 2}", None),
    ],
)
def test_a_fault_says_what_was_expected_and_what_came(text: str, faults: list[str] | None) -> None:
    with pytest.raises(InvalidArguments) as caught:
        place.arguments(text)
    assert faults is None or list(caught.value.faults) == faults


def test_only_the_first_of_many_faults_are_reported() -> None:
    with pytest.raises(InvalidArguments) as caught:
        place.arguments(json.dumps({"x": 1, "y": 2, "tags": [0] * 1000}))
    assert caught.value.faults[-1] == "and 990 faults more"
    assert len(caught.value.faults) == 11


def test_a_long_value_is_quoted_by_its_beginning() -> None:
    with pytest.raises(InvalidArguments) as caught:
        place.arguments(json.dumps({"x": "a" * 10_000, "y": 1}))
    assert len(str(caught.value)) < 120
