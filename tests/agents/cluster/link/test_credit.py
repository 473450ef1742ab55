"""Credit: the window of a follow is bounded, and a follower that takes everything never stops its owner."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.cluster.link.credit import MAX_BYTES, MAX_EVENTS, Taken, Window

MAX_EVENT = 512 * 2**10


@given(st.lists(st.tuples(st.booleans(), st.integers(1, MAX_EVENT)), max_size=300), st.integers(1, 400))
def test_at_most_a_window_and_one_event_are_on_their_way(steps: list[tuple[bool, int]], burst: int) -> None:
    """Steps: True sends a burst of events of this size while the window is open; False takes up to 500 events."""
    window, taken = Window(), Taken()
    on_the_way, waiting_credit = deque[int](), deque[int]()
    for sends, size in steps:
        if sends:
            for _ in range(burst):
                if window.open:
                    window.sent(size)
                    on_the_way.append(size)
                    waiting_credit.append(size)
        else:
            for _ in range(min(500, len(on_the_way))):
                if due := taken.add(on_the_way.popleft()):
                    assert window.credited(due)
                    for _ in range(due):
                        waiting_credit.popleft()
        assert len(waiting_credit) <= MAX_EVENTS
        assert sum(waiting_credit) < MAX_BYTES + MAX_EVENT
        if not on_the_way:
            assert window.open


@given(st.lists(st.integers(1, MAX_EVENT), min_size=1, max_size=600))
def test_a_follower_that_takes_each_event_never_closes_its_window(sizes: list[int]) -> None:
    window, taken = Window(), Taken()
    for size in sizes:
        assert window.open
        window.sent(size)
        if due := taken.add(size):
            assert window.credited(due)
    assert window.open


@pytest.mark.parametrize("count", [0, -1, 3, 2**62])
def test_credit_for_events_that_were_not_sent_is_refused_and_changes_nothing(count: int) -> None:
    window = Window()
    window.sent(1)
    window.sent(MAX_BYTES)
    assert not window.credited(count)
    assert not window.open
    assert window.credited(2)
    assert window.open


def test_credit_is_due_when_half_of_the_window_was_taken() -> None:
    events, data = Taken(), Taken()
    assert [events.add(1) for _ in range(MAX_EVENTS)].count(0) == MAX_EVENTS - 2
    assert [data.add(MAX_BYTES // 8) for _ in range(8)] == [0, 0, 0, 4, 0, 0, 0, 4]
