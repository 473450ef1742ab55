"""A judge of nodes: tables of looks, and the properties that hold for every sequence of looks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.cluster.membership import NOTHING_SEEN, LeaseTimes, NodeRow, Seen, Suspect, judged, late

GRACE_S = 1.5


def row(beat: int, *, locked: bool = False, incarnation: str = "i", epoch: int = 7) -> NodeRow:
    return NodeRow(epoch, incarnation, beat, locked)


def suspected(looks: list[tuple[float, list[NodeRow] | None]]) -> list[tuple[Suspect, ...]]:
    """Return the suspects of each look. None in place of the rows: the look failed."""
    seen: Seen = NOTHING_SEEN
    found: list[tuple[Suspect, ...]] = []
    for now_s, rows in looks:
        if rows is None:
            seen = NOTHING_SEEN
            found.append(())
        else:
            seen, suspects = judged(seen, rows, now_s, GRACE_S)
            found.append(suspects)
    return found


DEAD = Suspect(7, "i", 3)


@pytest.mark.parametrize(
    ("looks", "last"),
    [
        ([(0.0, [row(3)]), (0.5, [row(3)]), (1.5, [row(3)])], (DEAD,)),
        ([(0.0, [row(3)]), (1.4, [row(3)])], ()),
        ([(0.0, [row(3, locked=True)]), (1.4, [row(3)]), (1.5, [row(3)])], (DEAD,)),
        ([(0.0, [row(3)]), (9.0, [row(3, locked=True)])], ()),
        ([(0.0, [row(3)]), (1.0, [row(3, locked=True)]), (9.0, [row(3)])], ()),
        ([(0.0, [row(3)]), (1.0, [row(4)]), (2.0, [row(4)])], ()),
        ([(0.0, [row(3)]), (1.0, None), (2.0, [row(3)]), (3.0, [row(3)])], ()),
        ([(0.0, [row(3, incarnation="h")]), (9.0, [row(3)])], ()),
        ([(0.0, [row(3)]), (1.0, []), (9.0, [row(3)])], ()),
        ([(9.0, [row(3)])], ()),
    ],
    ids=[
        "still for the grace time, and its lock free",
        "still for less than the grace time",
        "its lock free at the last two looks only",
        "its lock held at the last look",
        "its lock free at one look only since it was held",
        "its beat moved",
        "a look failed",
        "another incarnation has the epoch",
        "its row was away",
        "seen for the first time",
    ],
)
def test_a_node_is_suspected_only_if_it_stood_still_with_its_lock_free(
    looks: list[tuple[float, list[NodeRow] | None]], last: tuple[Suspect, ...]
) -> None:
    assert suspected(looks)[-1] == last


pauses = st.floats(0, 100, allow_nan=False)
looks_at_one = st.lists(
    st.tuples(pauses, st.one_of(st.none(), st.tuples(st.integers(0, 3), st.booleans(), st.sampled_from("hi")))),
    max_size=30,
)


@given(looks_at_one)
def test_a_suspect_was_watched_still_for_the_grace_time_and_free_at_two_looks(
    looks: list[tuple[float, tuple[int, bool, str] | None]],
) -> None:
    """The judge remembers no more than the looks, so the property is stated on the looks since the last failed one."""
    now_s, seen = 0.0, NOTHING_SEEN
    watched: list[tuple[float, NodeRow]] = []
    for pause_s, facts in looks:
        now_s += pause_s
        if facts is None:
            seen, watched = NOTHING_SEEN, []
            continue
        beat, locked, incarnation = facts
        found = row(beat, locked=locked, incarnation=incarnation)
        watched.append((now_s, found))
        seen, suspects = judged(seen, [found], now_s, GRACE_S)
        for suspect in suspects:
            assert (suspect.beat, suspect.incarnation) == (beat, incarnation)
            assert [each.locked for _, each in watched[-2:]] == [False, False]
            still = [at for at, each in watched if now_s - at <= GRACE_S]
            assert watched[0][0] <= now_s - GRACE_S
            assert {(each.beat, each.incarnation) for at, each in watched if at in still} == {(beat, incarnation)}


@given(st.lists(pauses, min_size=1, max_size=30), st.booleans())
def test_a_node_is_never_suspected_while_its_beat_moves_or_its_lock_is_held(waits: list[float], moves: bool) -> None:
    now_s, seen = 0.0, NOTHING_SEEN
    for beat, pause_s in enumerate(waits):
        now_s += pause_s
        seen, suspects = judged(seen, [row(beat if moves else 0, locked=not moves)], now_s, GRACE_S)
        assert suspects == ()


@given(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=50))
def test_a_dead_node_is_suspected_as_soon_as_the_grace_time_and_two_looks_have_passed(waits: list[float]) -> None:
    now_s, seen = 0.0, NOTHING_SEEN
    for look, pause_s in enumerate([0.0, *waits]):
        now_s += pause_s
        seen, suspects = judged(seen, [row(3)], now_s, GRACE_S)
        assert bool(suspects) == (now_s >= GRACE_S and look >= 1)


TIMES = LeaseTimes(4 * GRACE_S)


@given(st.lists(st.floats(0.01, TIMES.grace_s - TIMES.late_s), min_size=1, max_size=50))
def test_a_judge_that_looks_at_the_locks_of_late_nodes_only_suspects_a_dead_node_at_the_same_look(
    waits: list[float],
) -> None:
    now_s, seen = 0.0, NOTHING_SEEN
    for pause_s in [0.0, *waits]:
        now_s += pause_s
        locked = 7 not in late(seen, [row(3)], now_s, TIMES.late_s)
        seen, suspects = judged(seen, [row(3, locked=locked)], now_s, TIMES.grace_s)
        assert bool(suspects) == (now_s >= TIMES.grace_s)


def test_a_beat_is_late_after_it_has_stood_still_for_the_time_and_not_once_it_moved() -> None:
    seen, _ = judged(NOTHING_SEEN, [row(3), row(1, epoch=8)], 0.0, GRACE_S)
    assert late(seen, [row(3), row(1, epoch=8)], 0.7, 0.75) == set()
    assert late(seen, [row(3), row(2, epoch=8), row(1, epoch=9)], 0.75, 0.75) == {7}
    assert late(seen, [row(3, incarnation="h")], 0.75, 0.75) == set()


@given(st.lists(st.builds(row, st.integers(0, 2), locked=st.booleans(), epoch=st.integers(0, 5)), max_size=6))
def test_a_judge_remembers_only_the_nodes_of_its_last_look(rows: list[NodeRow]) -> None:
    seen, _ = judged(NOTHING_SEEN, [row(1, epoch=99)], 0.0, GRACE_S)
    seen, _ = judged(seen, rows, 1.0, GRACE_S)
    assert seen.keys() == {each.epoch for each in rows}


@given(st.floats(0.001, 3600))
def test_a_living_node_beats_and_is_looked_at_twice_within_the_grace_time(lease_s: float) -> None:
    times = LeaseTimes(lease_s)
    assert times.beat_s < times.grace_s
    assert 2 * times.look_s < times.grace_s
    assert times.look_s < times.late_s < times.beat_s
    assert times.late_s + times.look_s < times.grace_s
