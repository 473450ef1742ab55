"""The pause before a node is restarted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.daemon.crew.restarts import LONGEST_PAUSE_S, failures, pause_s
from agents.node.fenced import FENCED

PERIOD_S = 60.0
codes = st.integers(-64, 255).filter(lambda code: code != FENCED)


@pytest.mark.parametrize(
    ("in_a_row", "expected"), [(0, 0.0), (1, 0.0), (2, 0.1), (3, 0.2), (4, 0.4), (8, 5.0), (10**9, 5.0)]
)
def test_the_first_restart_is_at_once_and_each_later_pause_is_twice_as_long(in_a_row: int, expected: float) -> None:
    assert pause_s(in_a_row) == pytest.approx(expected)


@given(st.integers(0, 100), st.floats(0, 1e6))
def test_a_fenced_node_is_restarted_at_once(before: int, lived_s: float) -> None:
    assert pause_s(failures(before, FENCED, lived_s, PERIOD_S)) == 0.0


@given(st.integers(0, 100), codes, st.floats(PERIOD_S, 1e6, exclude_min=True))
def test_a_node_that_lived_longer_than_the_period_is_restarted_at_once(before: int, code: int, lived_s: float) -> None:
    assert pause_s(failures(before, code, lived_s, PERIOD_S)) == 0.0


@given(st.lists(st.tuples(codes, st.floats(0, PERIOD_S)), min_size=1, max_size=100))
def test_the_pauses_of_a_node_that_ends_early_rise_up_to_the_longest(ends: list[tuple[int, float]]) -> None:
    in_a_row, pauses = 0, []
    for code, lived_s in ends:
        in_a_row = failures(in_a_row, code, lived_s, PERIOD_S)
        pauses.append(pause_s(in_a_row))
    assert pauses == sorted(pauses)
    assert pauses[-1] <= LONGEST_PAUSE_S
