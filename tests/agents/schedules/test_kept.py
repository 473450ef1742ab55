"""Schedules in a store: missed due times after an outage, crashes, and changes of the configuration."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from actors import KILL, ended, whereis
from actors import exit as exit_process
from agents import agent, application, schedules
from agents.agent_registry import find_agent
from agents.core.conversation import UserMessage
from agents.daemon.reload import reload
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.schedules import RunInfo
from agents.schedules.scheduler import SCHEDULER
from agents.sessions.ledger_tables import SCHEDULES
from agents.settings import Durability, ScheduleSettings, SchedulingSettings, SessionSettings, Settings
from agents.settings.agent import AgentSettings
from supervisors import which_children
from tests.agents.keeping import journal
from tests.waiting import eventually

SCRIPT = """
[models.slow]
token_delay_s = 0.05
turns = [{ steps = [{ text = "one two three four five six seven eight." }] }]
"""
Program: TypeAlias = Callable[..., AbstractAsyncContextManager[Settings]]
HOUR = timedelta(hours=1)
DAILY: dict[str, Any] = {"name": "news", "agent": "echo", "message": "News?", "every": 3600}


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[Program]:
    """Return a function that runs the application with these schedules, several times, on one store."""
    async with RehearsalServer(builtin() | parse(SCRIPT)) as server:

        @asynccontextmanager
        async def running(*made: dict[str, Any], **scheduling: Any) -> AsyncIterator[Settings]:
            settings = Settings(
                base_url=server.base_url,
                api_key=SecretStr("rehearsal"),
                agents=tuple(AgentSettings(id=model, name=model, model=model) for model in ("echo", "slow")),
                sessions=SessionSettings(url=f"sqlite:///{tmp_path / 'sessions.db'}", durability=Durability.SYNC),
                schedules=tuple(ScheduleSettings(**each) for each in made),
                scheduling=SchedulingSettings(**{"catch_up_time": 0, **scheduling}),
            )
            async with application.running(settings):
                await schedules.listed()
                yield settings

        yield running


async def outage(*, hours: float) -> None:
    """Let all schedules be due since some hours, as after an outage."""
    due_at = datetime.now(UTC) - hours * HOUR
    await (await journal()).store.as_writer(lambda store: store.execute(update(SCHEDULES).values(next_at=due_at)))


async def history(name: str, count: int) -> list[RunInfo]:
    """Return the runs of a schedule, the oldest first, once there are `count` and all have ended."""
    runs = await eventually(
        lambda: schedules.history(name),
        lambda found: len(found) >= count and all(run.state == "ended" for run in found),
        what=f"{count} ended runs of {name}",
    )
    return runs[::-1]


async def begun(run_id: str) -> None:
    """Wait until the run's stream is in the store."""
    store = (await journal()).store
    await eventually(lambda: store.stream(run_id), what="the stream of the run")


@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        ("skip", [("missed", 4)]),
        ("once", [("complete", 4)]),
        ("all", [("missed", 2), ("complete", 1), ("complete", 1)]),
    ],
)
async def test_after_an_outage_missed_due_times_have_the_runs_of_their_policy(
    program: Program, missed: str, expected: list[tuple[str, int]]
) -> None:
    daily = {**DAILY, "missed": missed, "max_missed": 2}
    async with program(daily):
        await outage(hours=3.5)
    async with program(daily):
        runs = await history("news", len(expected))
        assert [(run.outcome, run.count) for run in runs] == expected
        begun = [(run.begun_at, run.ended_at) for run in runs if run.outcome == "complete"]
        assert begun == sorted(begun)  # one after the other
        (listed,) = await schedules.listed()
        assert listed.next_at is not None
        assert timedelta(0) < listed.next_at - datetime.now(UTC) < HOUR


async def test_many_missed_runs_begin_some_at_a_time(program: Program) -> None:
    many = [{**DAILY, "name": f"s{number}", "agent": "slow", "missed": "once"} for number in range(8)]
    async with program(*many):
        await outage(hours=2.5)
    async with program(*many, max_running=2, catch_up_time=100):
        runs = [run for each in many for run in await history(each["name"], 1)]
        times = sorted([(run.begun_at, 1) for run in runs] + [(run.ended_at, -1) for run in runs])
        active = [sum(change for _, change in times[: place + 1]) for place in range(len(times))]
        assert max(active) == 2


async def test_a_schedule_goes_on_after_a_restart_where_it_was(program: Program) -> None:
    async with program(DAILY):
        added = await schedules.add(name="mine", agent="echo", message="Hi.", cron="0 9 * * *", owner="ann")
        paused = await schedules.pause("news")
    async with program(DAILY):
        assert await schedules.find("mine") == added
        assert await schedules.find("news") == paused
        resumed = await schedules.resume("news")
    async with program(DAILY):
        assert await schedules.find("news") == resumed


async def test_a_change_of_the_configuration_replaces_the_schedule_and_keeps_its_place(program: Program) -> None:
    async with program(DAILY):
        (before,) = await schedules.listed()
    async with program({**DAILY, "message": "Weather?"}):
        (after,) = await schedules.listed()
        assert (after.message, after.next_at) == ("Weather?", before.next_at)
    async with program({**DAILY, "every": 60}):
        (after,) = await schedules.listed()
        assert after.next_at is not None
        assert after.next_at < before.next_at  # type: ignore[operator]
    async with program({**DAILY, "name": "other"}):
        assert [each.name for each in await schedules.listed()] == ["other"]


async def test_a_reload_applies_the_schedules_at_once(program: Program) -> None:
    async with program(DAILY) as settings:
        changed = ScheduleSettings(**{**DAILY, "name": "other", "agent": "slow"})
        new = settings.model_copy(update={"schedules": (changed,)})
        done = await reload(settings, lambda: new)
        assert [str(change) for change in done.applied] == ["schedules: applies to runs from now on"]
        assert [each.name for each in await schedules.listed()] == ["other"]


async def test_a_configured_schedule_replaces_one_with_its_name(program: Program) -> None:
    async with program():
        await schedules.add(name="news", agent="slow", message="Mine.", every=7200)
    async with program(DAILY):
        (found,) = await schedules.listed()
        assert (found.source, found.message) == ("settings", "News?")


async def test_a_run_that_a_crash_of_the_scheduler_cut_is_followed_to_its_end(program: Program) -> None:
    async with program():
        await schedules.add(name="mine", agent="slow", message="Count.", every=3600, session="lasting")
        run_id = await schedules.run_now("mine")
        await begun(run_id)
        scheduler = whereis(SCHEDULER)
        assert scheduler is not None
        exit_process(scheduler, KILL)
        await ended(scheduler)
        await which_children(application.NAME)  # the answer comes after the restart
        (run,) = await history("mine", 1)
        assert (run.id, run.outcome) == (run_id, "complete")
        asked = [each.content for each in await agent.conversation("slow") if isinstance(each, UserMessage)]
        assert asked == ["Count."]


async def test_a_run_that_the_end_of_the_program_cut_ends_in_the_next_one(program: Program) -> None:
    async with program():
        await schedules.add(name="mine", agent="slow", message="Count.", every=3600)
        run_id = await schedules.run_now("mine")
        await begun(run_id)
    async with program():
        (run,) = await history("mine", 1)
        assert run.id == run_id
        assert run.outcome in ("complete", "error")  # a program that ends in order interrupts its turns
        streams = await (await journal()).store.streams(str(run.session_id))
        assert [each.id for each in streams] == [run_id]


async def test_the_session_of_a_run_has_its_stream_and_its_agent_has_ended(program: Program) -> None:
    async with program():
        await schedules.add(name="mine", agent="echo", message="Hi.", every=3600)
        run_id = await schedules.run_now("mine")
        (run,) = await history("mine", 1)
        session = await (await journal()).store.session(str(run.session_id))
        assert session is not None
        assert session.name == "mine"
        store = (await journal()).store
        assert [each.content for each in await store.conversation(str(run.session_id))] == ["Hi.", "Hi."]
        assert [each.id for each in await store.streams(str(run.session_id))] == [run_id]
        if (pid := find_agent(str(run.session_id))) is not None:
            await ended(pid)


async def test_a_schedule_that_can_not_be_read_here_has_an_error_and_no_due_time(program: Program) -> None:
    async with program():
        await schedules.add(name="mine", agent="echo", message="Hi.", cron="0 9 * * *")
        unreadable = {**DAILY, "name": "mine", "every": None, "cron": "0 9 * * *", "timezone": "Europe/Atlantis"}
        changed = update(SCHEDULES).values(definition=unreadable)
        await (await journal()).store.as_writer(lambda store: store.execute(changed))
        await outage(hours=1)
        await schedules.run_now("mine")
        runs = await history("mine", 2)
        expected = "the schedule can't be read here: timezone: expected a time zone that this machine knows"
        assert [str(run.reason).startswith(expected) for run in runs] == [True, True]
        assert (await schedules.find("mine")).next_at is None
