"""Restart policy: tables, and laws of the restart log."""

from math import floor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import KILLED, NOPROC, NORMAL, SHUTDOWN, Crash, GenServer, Shutdown
from supervisors import BRUTAL_KILL, INFINITY, AutoShutdown, ChildSpec, RestartType, Strategy
from supervisors.child_spec import ShutdownTime
from supervisors.restart import Fate, RestartLog, fate, is_failure, is_stop_failure, pause_s, restart_group, shuts_down

PERMANENT, TRANSIENT, TEMPORARY = RestartType
ORDERLY = [NORMAL, SHUTDOWN, Shutdown("moving")]
ABNORMAL = [Crash(ValueError()), KILLED, NOPROC, "boom", None]


@pytest.mark.parametrize(
    ("restart", "orderly", "abnormal"),
    [
        (PERMANENT, Fate.RESTART, Fate.RESTART),
        (TRANSIENT, Fate.KEEP, Fate.RESTART),
        (TEMPORARY, Fate.FORGET, Fate.FORGET),
    ],
)
def test_the_restart_type_and_the_exit_reason_decide_the_fate(
    restart: RestartType, orderly: Fate, abnormal: Fate
) -> None:
    assert {fate(restart, reason) for reason in ORDERLY} == {orderly}
    assert {fate(restart, reason) for reason in ABNORMAL} == {abnormal}


@pytest.mark.parametrize(("restart", "orderly"), [(PERMANENT, True), (TRANSIENT, False), (TEMPORARY, False)])
def test_only_a_permanent_child_may_not_end_orderly(restart: RestartType, orderly: bool) -> None:
    assert {is_failure(restart, reason) for reason in ORDERLY} == {orderly}
    assert {is_failure(restart, reason) for reason in ABNORMAL} == {True}


@pytest.mark.parametrize(
    ("restart", "shutdown", "fine"),
    [
        (PERMANENT, 5.0, [SHUTDOWN]),
        (PERMANENT, INFINITY, [SHUTDOWN]),
        (PERMANENT, BRUTAL_KILL, [KILLED]),
        (TRANSIENT, 5.0, ORDERLY),
        (TEMPORARY, BRUTAL_KILL, [KILLED, *ORDERLY]),
    ],
)
def test_the_stop_of_a_child_is_a_failure_unless_expected_or_orderly(
    restart: RestartType, shutdown: ShutdownTime, fine: list[Any]
) -> None:
    spec = ChildSpec("child", GenServer, restart=restart, shutdown=shutdown)
    for reason in [*ORDERLY, *ABNORMAL]:
        assert is_stop_failure(spec, reason) is (reason not in fine)


@pytest.mark.parametrize(
    ("strategy", "group"),
    [
        (Strategy.ONE_FOR_ONE, ("b",)),
        (Strategy.REST_FOR_ONE, ("b", "c", "d")),
        (Strategy.ONE_FOR_ALL, ("a", "b", "c", "d")),
    ],
)
def test_the_strategy_names_the_group_in_start_order(strategy: Strategy, group: tuple[str, ...]) -> None:
    assert restart_group(strategy, iter("abcd"), "b") == group


@pytest.mark.parametrize(
    ("auto_shutdown", "ended", "others", "ends"),
    [
        (AutoShutdown.NEVER, False, [], False),
        (AutoShutdown.ANY_SIGNIFICANT, False, [], False),
        (AutoShutdown.ANY_SIGNIFICANT, True, [True, False], True),
        (AutoShutdown.ALL_SIGNIFICANT, False, [], False),
        (AutoShutdown.ALL_SIGNIFICANT, True, [False, True], False),
        (AutoShutdown.ALL_SIGNIFICANT, True, [False], True),
        (AutoShutdown.ALL_SIGNIFICANT, True, [], True),
    ],
)
def test_the_end_of_a_significant_child_may_end_the_supervisor(
    auto_shutdown: AutoShutdown, ended: bool, others: list[bool], ends: bool
) -> None:
    def spec(significant: bool) -> ChildSpec:
        return ChildSpec("child", GenServer, restart=TEMPORARY, significant=significant)

    assert shuts_down(auto_shutdown, spec(ended), map(spec, others)) is ends


gaps = st.lists(st.one_of(st.just(0.0), st.floats(0, 0.5), st.floats(0, 12)), max_size=60)


@given(gaps, st.integers(1, 10))
def test_the_restart_log_counts_whole_seconds_and_keeps_the_edge(gaps: list[float], period: int) -> None:
    now, log = 1000.5, RestartLog()
    entries: list[int] = []
    for gap in gaps:
        now += gap
        log = log.record(now, period)
        entries = [entry for entry in entries if entry >= floor(now) - period] + [floor(now)]
        assert log.count == len(entries)


@given(gaps, st.integers(1, 10))
def test_the_restart_log_is_no_longer_than_its_period(gaps: list[float], period: int) -> None:
    now, log = 0.0, RestartLog()
    for gap in gaps:
        now += gap
        log = log.record(now, period)
        assert len(log.seconds) <= period + 1


@given(gaps, st.integers(0, 5), st.integers(1, 10))
def test_a_budget_is_spent_by_the_restart_that_is_one_too_many(gaps: list[float], intensity: int, period: int) -> None:
    now, log = 0.0, RestartLog()
    for gap in gaps:
        now += gap
        recorded = log.record(now, period)
        spent = log.spend(now, intensity, period)
        assert spent == (recorded if recorded.count <= intensity else None)
        log = recorded if spent is None else spent


@pytest.mark.parametrize(
    ("restarts", "pause"), [(0, 0.0), (1, 0.0), (2, 0.5), (3, 1.0), (4, 2.0), (5, 3.0), (10**6, 3.0)]
)
def test_the_first_restart_has_no_pause_and_each_later_one_twice_the_earlier_up_to_the_longest(
    restarts: int, pause: float
) -> None:
    assert pause_s(restarts, 0.5, 3.0) == pause
    assert pause_s(restarts, 0.0, 3.0) == 0.0


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 3)), max_size=60), st.integers(0, 5), st.integers(1, 10))
def test_the_restarts_of_one_child_do_not_count_for_another(
    crashes: list[tuple[int, float]], intensity: int, period: int
) -> None:
    """Count the restarts of each child. crashes: the crashing children, each with the time since the last crash."""
    now = 0.0
    logs: dict[int, RestartLog | None] = dict.fromkeys(range(4), RestartLog())
    times: dict[int, list[float]] = {child: [] for child in logs}
    for child, gap in crashes:
        now += gap
        times[child].append(now)
        if (log := logs[child]) is not None:
            logs[child] = log.spend(now, intensity, period)
    for child, at in times.items():
        alone: RestartLog | None = RestartLog()
        for second in at:
            alone = alone and alone.spend(second, intensity, period)
        assert logs[child] == alone


@pytest.mark.parametrize(("second", "count"), [(1.99, 2), (2.0, 2), (2.94, 2), (3.0, 1)])
def test_the_window_is_the_period_at_least_and_under_a_second_longer(second: float, count: int) -> None:
    assert RestartLog().record(1.05, 1).record(second, 1).count == count


@given(st.lists(st.integers(), unique=True, min_size=1), st.data())
def test_a_group_holds_the_ended_child_and_only_later_ones_or_all(ids: list[int], data: st.DataObject) -> None:
    ended = data.draw(st.sampled_from(ids))
    rest = restart_group(Strategy.REST_FOR_ONE, ids, ended)
    assert rest[0] == ended
    assert ids[-len(rest) :] == list(rest)
    assert restart_group(Strategy.ONE_FOR_ALL, ids, ended) == tuple(ids)
