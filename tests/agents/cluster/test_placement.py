"""The node on which a session wakes."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.cluster.placement import NodeLoad, most_load, place

nodes = st.builds(NodeLoad, st.integers(1, 10**6), st.integers(0, 1000), st.booleans())


@pytest.mark.parametrize(
    ("here", "others", "expected"),
    [
        (NodeLoad(1, 500), [], 1),
        (NodeLoad(1, 0, draining=True), [], None),
        (NodeLoad(1, 0, draining=True), [NodeLoad(2, 0, draining=True)], None),
        (NodeLoad(1, 0, draining=True), [NodeLoad(2, 900)], 2),
        (NodeLoad(1, 20), [NodeLoad(2, 0)], 1),
        (NodeLoad(1, 22), [NodeLoad(2, 0)], 2),
        (NodeLoad(1, 22), [NodeLoad(2, 0, draining=True)], 1),
        (NodeLoad(1, 500), [NodeLoad(2, 400), NodeLoad(3, 0)], 3),
    ],
    ids=[
        "the only node",
        "the only node drains",
        "all drain",
        "this one drains",
        "within the slack",
        "above the slack",
        "the other one drains",
        "the less loaded of two",
    ],
)
def test_a_session_wakes_here_unless_this_node_drains_or_is_overloaded(
    here: NodeLoad, others: list[NodeLoad], expected: int | None
) -> None:
    found = place(here, others, Random(0))
    assert (found and found.epoch) == expected


@given(nodes, st.lists(nodes, max_size=8), st.randoms(use_true_random=False))
def test_a_session_never_wakes_on_a_node_that_drains_or_has_more_load(
    here: NodeLoad, others: list[NodeLoad], chance: Random
) -> None:
    found = place(here, others, chance)
    if found is None:
        assert all(each.draining for each in (here, *others))
    else:
        assert not found.draining
        assert found is here or here.draining or found.load < here.load


@given(nodes, st.lists(nodes, max_size=8), st.randoms(use_true_random=False))
def test_a_session_leaves_its_node_only_above_the_load_that_every_node_keeps(
    here: NodeLoad, others: list[NodeLoad], chance: Random
) -> None:
    open_ = [here, *(each for each in others if not each.draining)]
    if not here.draining and here.load <= most_load(open_):
        assert place(here, others, chance) is here


@given(st.lists(nodes, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_busiest_of_several_open_nodes_gets_no_session_from_others(others: list[NodeLoad], chance: Random) -> None:
    open_ = [each for each in others if not each.draining]
    found = place(NodeLoad(0, 10**9, draining=True), others, chance)
    if len({each.load for each in open_}) == len(open_) >= 2:
        assert found is not max(open_, key=lambda each: each.load)
