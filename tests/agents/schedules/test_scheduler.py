"""Schedules in virtual time: their runs, their overlaps, and the changes at run time."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from actors import Pid
from agents import agent, schedules
from agents.core.budget import OnBreach
from agents.core.conversation import UserMessage
from agents.rehearsal import builtin, parse
from agents.schedules.scheduler import SCHEDULE_RUNS
from agents.settings import ScheduleSettings, SchedulingSettings, Settings, StreamingSettings
from agents.settings.agent import AgentSettings
from agents.settings.budgets import BudgetSettings
from agents.testing import simulated_stage
from supervisors.dynamic_supervisor import which_children

SCRIPT = builtin() | parse("""
[models.slow]
first_token_delay_s = 100
turns = [{ steps = [{ text = "At last." }] }]
""")


def settings(*made: dict[str, Any], **scheduling: Any) -> Settings:
    agents = tuple(AgentSettings(id=model, name=model, model=model) for model in ("echo", "slow"))
    found = tuple(ScheduleSettings(**{"name": "news", "agent": "echo", "message": "News?", **each}) for each in made)
    limits, patient = SchedulingSettings(**scheduling), StreamingSettings(timeout=1_000_000)
    return Settings(agents=agents, schedules=found, scheduling=limits, streaming=patient)


def simulated(test: Coroutine[Any, Any, None], of: Settings, seed: int = 0) -> None:
    with simulated_stage(SCRIPT, of, seed) as stage:
        stage.run(test)


async def outcomes(name: str = "news") -> list[tuple[float, str | None]]:
    """Return the due times of the runs in Unix seconds, and their outcomes, the oldest first."""
    return [(run.due_at.timestamp(), run.outcome) for run in reversed(await schedules.history(name))]


def test_each_due_time_has_a_run_in_a_session_of_its_own() -> None:
    async def test() -> None:
        await asyncio.sleep(190)
        runs = await schedules.history("news")
        assert await outcomes() == [(60, "complete"), (120, "complete"), (180, "complete")]
        assert len({run.session_id for run in runs}) == 3
        assert all(run.begun_at is not None and run.ended_at is not None for run in runs)
        assert not [child for child in await which_children(SCHEDULE_RUNS) if isinstance(child.pid, Pid)]

    simulated(test(), settings({"every": 60}))


def test_a_run_counts_to_the_budget_of_its_agent() -> None:
    async def test() -> None:
        await asyncio.sleep(70)
        (run,) = await schedules.history("news")
        assert run.reason.startswith("budget exceeded: agent echo: ")

    limit = BudgetSettings(agent="echo", tokens=40, on_breach=OnBreach.FAIL)
    simulated(test(), settings({"every": 60}).model_copy(update={"budgets": (limit,)}))


def test_a_lasting_session_has_the_messages_of_all_runs() -> None:
    async def test() -> None:
        await asyncio.sleep(130)
        asked = [each.content for each in await agent.conversation("echo") if isinstance(each, UserMessage)]
        assert asked == ["News?", "News?"]

    simulated(test(), settings({"every": 60, "session": "lasting"}))


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [
        ("skip", [(60, "complete"), (120, "skipped"), (180, None), (240, "skipped")]),
        ("wait", [(60, "complete"), (120, "complete"), (180, None), (240, "skipped")]),
        ("allow", [(60, "complete"), (120, "complete"), (180, None), (240, None)]),
    ],
)
def test_a_due_time_while_a_run_is_not_over_follows_the_overlap(
    overlap: str, expected: list[tuple[float, str | None]]
) -> None:
    async def test() -> None:
        await asyncio.sleep(270)
        assert await outcomes() == expected

    simulated(test(), settings({"every": 60, "agent": "slow", "overlap": overlap}))


def test_no_more_runs_than_max_running_are_active() -> None:
    names = [f"s{number}" for number in range(5)]

    async def test() -> None:
        await asyncio.sleep(120)
        for name in names:
            await schedules.pause(name)
        await asyncio.sleep(30)
        states = [(await schedules.history(name))[0].state for name in names]
        assert sorted(states) == ["active", "active", "waiting", "waiting", "waiting"]
        await asyncio.sleep(300)
        assert [await outcomes(name) for name in names] == [[(100, "complete")]] * 5

    simulated(test(), settings(*({"name": name, "every": 100, "agent": "slow"} for name in names), max_running=2))


@pytest.mark.parametrize("seed", range(3))
def test_a_run_begins_within_its_jitter(seed: int) -> None:
    async def test() -> None:
        await asyncio.sleep(440)
        runs = await schedules.history("news")
        assert len(runs) >= 3
        for run in runs:
            assert 0 <= (run.start_at - run.due_at).total_seconds() <= 30
            assert run.begun_at is not None
            assert run.begun_at >= run.start_at

    simulated(test(), settings({"every": 100, "jitter": 30}), seed)


def test_a_run_without_an_agent_has_an_error_as_its_outcome() -> None:
    async def test() -> None:
        await schedules.add(name="nobody", agent="unknown", message="Hi.", every=60)
        await asyncio.sleep(70)
        (run,) = await schedules.history("nobody")
        assert (run.outcome, run.reason) == ("error", "no agent has the id 'unknown', or it is another user's")

    simulated(test(), settings())


def test_a_paused_schedule_has_no_runs_until_it_is_resumed() -> None:
    async def test() -> None:
        assert (await schedules.pause("news")).next_at is None
        await asyncio.sleep(600)
        assert await outcomes() == []
        await schedules.resume("news")
        await asyncio.sleep(65)
        assert await outcomes() == [(660, "complete")]

    simulated(test(), settings({"every": 60}))


def test_a_run_at_once_does_not_move_the_due_times() -> None:
    async def test() -> None:
        await asyncio.sleep(10)
        id_ = await schedules.run_now("news")
        await asyncio.sleep(55)
        assert await outcomes() == [(10, "complete"), (60, "complete")]
        assert (await schedules.history("news"))[1].id == id_

    simulated(test(), settings({"every": 60}))


def test_a_second_run_at_once_is_refused_while_the_first_is_not_over() -> None:
    async def test() -> None:
        await schedules.run_now("news")
        with pytest.raises(schedules.RunIsActive):
            await schedules.run_now("news")

    simulated(test(), settings({"every": 60, "agent": "slow"}))


def test_only_a_schedule_of_the_program_is_removed_and_with_its_history() -> None:
    async def test() -> None:
        with pytest.raises(schedules.InConfiguration):
            await schedules.remove("news")
        await schedules.add(name="mine", agent="echo", message="Hi.", cron="* * * * *", timezone="Asia/Tokyo")
        with pytest.raises(schedules.ScheduleExists):
            await schedules.add(name="mine", agent="echo", message="Hi.", every=5)
        await asyncio.sleep(130)
        assert await outcomes("mine") == [(60, "complete"), (120, "complete")]
        await schedules.remove("mine")
        with pytest.raises(schedules.UnknownSchedule):
            await schedules.history("mine")
        assert [each.name for each in await schedules.listed()] == ["news"]

    simulated(test(), settings({"every": 1000}))


def test_the_history_keeps_the_newest_runs() -> None:
    async def test() -> None:
        await asyncio.sleep(605)
        assert [due for due, _ in await outcomes()] == [540, 570, 600]

    simulated(test(), settings({"every": 30}, history=3))


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ({"cron": "0 9 * *"}, "cron: expected a cron expression of five fields"),
        ({}, "cron: expected either cron or every, got neither"),
        ({"every": 60, "agent": "a b"}, "agent: expected an id"),
        ({"every": 60, "colour": "red"}, "colour"),
    ],
)
def test_faulty_keys_are_refused_with_one_fault_each(keys: dict[str, Any], fault: str) -> None:
    async def test() -> None:
        with pytest.raises(schedules.InvalidSchedule, match=fault):
            await schedules.add(**{"name": "mine", "agent": "echo", "message": "Hi.", **keys})

    simulated(test(), settings())
