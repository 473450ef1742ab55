"""Two nodes on one store of schedules: each due run has one of them, also after the death of the other."""

from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import func, select

from agents.sessions import Joining, Store
from agents.sessions.ledger_tables import RUNS
from agents.sessions.schedules import claiming, definitions, runs
from agents.sessions.schedules.records import (
    Claim,
    Claimed,
    Plan,
    PlannedRun,
    RunKind,
    RunOutcome,
    RunRecord,
    ScheduleRecord,
    Source,
)
from tests.agents.sessions.test_in_use import other
from tests.agents.sessions.test_nodes import joined, unlocked

COUNT = 8
ROOM = 3
BEGIN = datetime(2026, 5, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

NODE = """
import asyncio, sys
from agents.sessions import Joining, Store
from tests.agents.sessions.test_schedules import looks

async def main():
    store = await Store.open(sys.argv[1])
    await store.join(Joining("a", 3.0))
    print("ready", flush=True)
    begun = await looks(store)
    print(len(begun), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await store.close()

asyncio.run(main())
"""
"""A program that joins as node a, and begins runs until none is due."""


def planned(schedule: ScheduleRecord, now: datetime) -> Plan:
    assert schedule.next_at is not None
    return Plan((PlannedRun(RunKind.DUE, schedule.next_at),), schedule.next_at + MINUTE)


def session_of(run: RunRecord, schedule: ScheduleRecord) -> str:
    return f"{schedule.name}.{run.id}"


async def look(store: Store, minute: int, known: frozenset[str] = frozenset()) -> Claimed:
    claim = Claim(BEGIN + minute * MINUTE, store.epoch, known, ROOM, ROOM, 0.0, 100)
    return await store.as_writer(partial(claiming.claim, look=claim, planned=planned, session_of=session_of))


async def looks(store: Store) -> list[str]:
    """Look for the due times of six minutes, again and again. Return the ids of the runs that began here."""
    begun: list[str] = []
    for minute in range(6):
        for _ in range(3):
            claimed = await look(store, minute, frozenset(begun))
            begun += [run.id for run, _ in claimed.runs]
    return begun


async def prepared(url: str) -> None:
    store = await Store.open(url)
    await store.join(Joining("first", 3.0))
    for number in range(COUNT):
        new = ScheduleRecord(f"s{number}", None, Source.HOST, {}, "allow", False, BEGIN, BEGIN)
        assert await store.as_writer(partial(definitions.add, new=new)) is True
    await store.close()


async def test_two_nodes_begin_each_due_run_once_and_the_living_one_gets_those_of_the_other(url: str) -> None:
    await prepared(url)
    async with other(NODE, url) as process, joined(url, "b") as store:
        begun = await looks(store)
        assert process.stdout is not None
        assert store.node is not None
        others = int(await process.stdout.readline())
        counted = select(RUNS.c.schedule, RUNS.c.due_at, func.count()).group_by(RUNS.c.schedule, RUNS.c.due_at)
        assert {tuple(row)[2] for row in await store.rows(counted)} == {1}
        active = {row.id for row in await store.rows(select(RUNS.c.id).where(RUNS.c.state == runs.ACTIVE))}
        assert len(active) == len(begun) + others
        assert others > 0
        before = await look(store, -1, frozenset(begun))
        assert before.runs == []  # the other node lives
        process.kill()
        await process.wait()
        (seen,) = await store.node.others()
        await unlocked(store.node, seen)
        (seen,) = await store.node.others()
        assert await store.node.declare_dead(seen)
        adopted = [run for run, _ in (await look(store, -1, frozenset(begun))).runs]
        assert {run.id for run in adopted} <= active - set(begun)
        assert len(adopted) == min(ROOM, others)
        ended = partial(runs.end, run=adopted[0], outcome=RunOutcome.COMPLETE, reason="", now=BEGIN, history=100)
        await store.as_writer(ended)
        (row,) = await store.rows(select(RUNS).where(RUNS.c.id == adopted[0].id))
        assert runs.run_of(row).outcome is RunOutcome.COMPLETE
