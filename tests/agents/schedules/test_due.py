"""The due times of schedules, and the runs for those that have passed."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from agents.schedules.due import MOST_COUNTED, first_due, plan
from agents.sessions.schedules.records import PlannedRun, RunKind
from agents.settings.schedules import Missed, ScheduleSettings

BERLIN = ZoneInfo("Europe/Berlin")


def schedule(**keys: Any) -> ScheduleSettings:
    keys = {"name": "news", "agent": "writer", "message": "News?", **keys}
    return ScheduleSettings(**keys if "every" in keys else {"cron": "0 9 * * *", **keys})


def times(keys: ScheduleSettings, after: datetime, count: int) -> list[datetime]:
    """Return the due times after a moment, as a scheduler that looks at each of them finds them."""
    found: list[datetime] = []
    due = first_due(keys, after)
    while due is not None and len(found) < count:
        found.append(due)
        due = plan(keys, due, due).next_at
    return found


def local(*time: int, fold: int = 0) -> datetime:
    """Return a time in Berlin, in UTC. fold: 1 for the second one of two."""
    return datetime(*time, tzinfo=BERLIN, fold=fold).astimezone(UTC)  # type: ignore[arg-type,misc]  # year, month, day, hour, minute


def test_a_local_time_keeps_its_hour_over_the_year() -> None:
    daily = schedule(cron="0 9 * * *", timezone="Europe/Berlin")
    found = times(daily, local(2026, 3, 27, 12), 3)
    assert found == [local(2026, 3, 28, 9), local(2026, 3, 29, 9), local(2026, 3, 30, 9)]
    assert [each.hour for each in found] == [8, 7, 7]


def test_a_local_time_that_does_not_exist_is_due_at_the_end_of_the_gap() -> None:
    nightly = schedule(cron="30 2 * * *", timezone="Europe/Berlin")  # 2026-03-29 goes from 02:00 to 03:00
    assert times(nightly, local(2026, 3, 28, 12), 2) == [local(2026, 3, 29, 3), local(2026, 3, 30, 2, 30)]


def test_two_local_times_in_one_gap_are_due_once() -> None:
    nightly = schedule(cron="15,45 2 * * *", timezone="Europe/Berlin")
    assert times(nightly, local(2026, 3, 28, 12), 2) == [local(2026, 3, 29, 3), local(2026, 3, 30, 2, 15)]


def test_a_local_time_that_comes_twice_is_due_the_first_time() -> None:
    nightly = schedule(cron="30 2 * * *", timezone="Europe/Berlin")  # 2026-10-25 has two hours from 02:00
    found = times(nightly, local(2026, 10, 24, 12), 2)
    assert found == [local(2026, 10, 25, 2, 30), local(2026, 10, 26, 2, 30)]
    assert found[0] == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_no_due_time_is_in_the_past_of_a_schedule_that_begins_in_an_hour_that_comes_again() -> None:
    nightly = schedule(cron="30 2 * * *", timezone="Europe/Berlin")
    assert first_due(nightly, local(2026, 10, 25, 2, 10, fold=1)) == local(2026, 10, 26, 2, 30)


def test_each_hour_is_due_as_often_as_it_passes() -> None:
    hourly = schedule(cron="0 * * * *", timezone="Europe/Berlin")
    for day in (local(2026, 3, 29, 0, 30), local(2026, 10, 25, 0, 30)):
        assert all(later - earlier == timedelta(hours=1) for earlier, later in pairwise(times(hourly, day, 5)))


@pytest.mark.parametrize(
    "cron", ["", "0 9 * *", "0 0 9 * * *", "61 * * * *", "0 9 31 2 *", "0 9 */40 * TUE#5", "@daily"]
)
def test_an_expression_without_due_times_is_refused(cron: str) -> None:
    with pytest.raises(ValidationError):
        schedule(cron=cron)


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "", "../secret", "/etc/passwd", "x" * 5000])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValidationError):
        schedule(timezone=zone)


@pytest.mark.parametrize("keys", [{"cron": None}, {"cron": "0 9 * * *", "every": 60}, {"every": 0.5, "cron": None}])
def test_a_schedule_has_either_an_expression_or_an_interval(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ScheduleSettings(name="news", agent="writer", message="News?", **keys)


NIGHT = datetime(2026, 5, 4, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def test_a_due_time_within_its_grace_has_its_run() -> None:
    found = plan(schedule(), NIGHT, NIGHT + timedelta(seconds=60))
    assert found.runs == (PlannedRun(RunKind.DUE, NIGHT),)


@pytest.mark.parametrize(
    ("missed", "runs"),
    [
        (Missed.SKIP, [(RunKind.MISSED, 3, 4)]),
        (Missed.ONCE, [(RunKind.CATCH_UP, 3, 4)]),
        (Missed.ALL, [(RunKind.MISSED, 1, 2), (RunKind.CATCH_UP, 2, 1), (RunKind.CATCH_UP, 3, 1)]),
    ],
)
def test_missed_due_times_have_the_runs_of_their_policy(missed: Missed, runs: list[tuple[RunKind, int, int]]) -> None:
    keys = schedule(every=86400, missed=missed, max_missed=2)
    found = plan(keys, NIGHT, NIGHT + 3 * DAY + timedelta(hours=2))
    assert [(run.kind, (run.due_at - NIGHT).days, run.count) for run in found.runs] == runs
    assert found.next_at == NIGHT + 4 * DAY


def test_a_run_at_its_due_time_is_also_the_one_for_those_missed_before() -> None:
    found = plan(schedule(every=86400, missed=Missed.ONCE), NIGHT, NIGHT + 3 * DAY)
    assert [(run.kind, run.count) for run in found.runs] == [(RunKind.MISSED, 3), (RunKind.DUE, 1)]


def test_the_due_times_of_a_year_cost_no_more_than_those_that_are_counted() -> None:
    keys = schedule(cron="* * * * *", missed=Missed.ALL, max_missed=3)
    now = NIGHT + 365 * DAY + timedelta(seconds=90)
    missed, *runs = plan(keys, NIGHT, now).runs
    assert missed.count == MOST_COUNTED - 4
    minutes = [NIGHT + 365 * DAY + timedelta(minutes=minute) for minute in (-2, -1, 0)]
    assert [run.due_at for run in runs] == [*minutes, NIGHT + 365 * DAY + timedelta(minutes=1)]
    assert plan(keys, NIGHT, now).next_at == NIGHT + 365 * DAY + timedelta(minutes=2)


@settings(max_examples=10)
@given(
    st.sampled_from(["*/15 * * * *", "30 2 * * *", "0 0 1 * *", "10-50/20 1-3 * * *", "0 9 * * MON-FRI"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo"]),
    st.integers(0, 3650 * 86400),
    st.timedeltas(timedelta(0), timedelta(days=2)),
    st.sampled_from(list(Missed)),
)
def test_each_due_time_is_in_exactly_one_plan(
    cron: str, zone: str, begin_s: int, outage: timedelta, missed: Missed
) -> None:
    keys = schedule(cron=cron, timezone=zone, missed=missed, max_missed=4)
    begin = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=begin_s)
    first = first_due(keys, begin)
    assert first is not None
    assert first > begin
    now = first + outage
    found = plan(keys, first, now)
    passed = [each for each in times(keys, begin, MOST_COUNTED) if each <= now]
    assert sum(run.count for run in found.runs) == len(passed)
    assert all(earlier.due_at < later.due_at for earlier, later in pairwise(found.runs))
    assert all(run.due_at in passed for run in found.runs)
    assert found.next_at is not None
    assert found.next_at > now
