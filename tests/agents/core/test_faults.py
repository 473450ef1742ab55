"""Faults of given values: their paths grow from the inside out, and their text is always one line."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.faults import Fault, InvalidValue, Where, dotted

PATHS = st.lists(st.text() | st.integers(min_value=0), max_size=5).map(tuple)
FAULTS = st.builds(Fault, PATHS, st.text(), st.text(), st.text())


@given(FAULTS)
def test_the_text_of_a_fault_is_one_line_that_utf_8_can_encode(fault: Fault) -> None:
    text = str(InvalidValue(fault))
    assert len(text.splitlines()) <= 1
    assert text.encode()


@given(FAULTS, PATHS)
def test_a_fault_below_a_path_keeps_all_but_its_path(fault: Fault, above: tuple[str | int, ...]) -> None:
    below = fault.below(*above)
    assert below.path == (*above, *fault.path)
    assert (below.expected, below.got, below.inside) == (fault.expected, fault.got, fault.inside)


@given(st.builds(Fault, PATHS, st.text(), st.text(), st.text(), st.builds(Where, st.text())))
def test_a_fault_passes_between_processes_as_it_is(fault: Fault) -> None:
    assert msgspec.json.decode(msgspec.json.encode(fault), type=Fault) == fault


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Fault((), "text"), "expected text"),
        (Fault(("agents", 0, "name"), "text", "1"), "agents[0].name: expected text, got 1"),
        (Fault(("tools", 1), "0", "3").within("retries").within("pay"), "tools[1]: pay: retries: expected 0, got 3"),
        (
            Fault(("model",), "text", "1", where=Where("sys.config", 1, 2)),
            "sys.config:1:2: model: expected text, got 1",
        ),
        (Fault(("a", "b"), "text", "1", where=Where("--set a.b")), "--set a.b: expected text, got 1"),
        (Fault(("a",), "text", "x\ny"), r"a: expected text, got x\ny"),
    ],
)
def test_a_fault_names_the_place_the_key_the_expectation_and_the_value(fault: Fault, text: str) -> None:
    assert str(fault) == text


def test_a_path_has_numbers_in_brackets_and_names_after_dots() -> None:
    assert dotted(("agents", 0, "limits", "time")) == "agents[0].limits.time"
