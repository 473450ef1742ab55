"""Old sessions are deleted within the limits of `sessions.retention`."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from msgspec.structs import replace
from sqlalchemy import func, select

from agents import agent, application
from agents.core.charge import Charge, Payer
from agents.core.ledger import EffectState, LedgerEntry
from agents.instance.retention import prune
from agents.sessions.disused import total_size
from agents.sessions.effects import Chosen, effects
from agents.sessions.ledger_tables import CHARGES
from agents.sessions.side_records import Charged, EffectNoted
from agents.sessions.spending import spending
from agents.settings import RetentionSettings
from supervisors import agent_supervisor, which_children
from tests.agents.keeping import App, journal
from tests.agents.sessions.keeping import AT, batch, session, stream

AGED = RetentionSettings(max_age=1)
LARGE = "word " * 2000


async def kept(*ids: str, message: str = "Hello.") -> None:
    """Keep a session of each id, in this order. Their agents do not run any more."""
    for id_ in ids:
        pid = await agent_supervisor.start_agent({"id": id_, "model": "echo"})
        await agent.chat(pid, message)
        await agent_supervisor.stop_agent(id_)


async def there(*ids: str) -> list[str]:
    store = (await journal()).store
    return [id_ for id_ in ids if await store.has_session(id_)]


async def test_a_session_is_deleted_at_its_age_unless_its_agent_runs(app: App) -> None:
    async with app(durability="sync"):
        await kept("young")
        handle = await journal()
        await handle.store.write(batch([session("old"), session("runs")]))  # a long time ago
        await agent_supervisor.start_agent({"id": "runs", "model": "echo"})
        assert await prune(handle, RetentionSettings(max_age=3_600_000)) == 1
        assert await there("old", "runs", "young") == ["runs", "young"]
        await kept("old")  # the id is free, and its session begins anew
        assert await there("old") == ["old"]


async def test_the_oldest_sessions_are_deleted_until_the_others_fit(app: App) -> None:
    async with app(durability="sync"):
        await kept("first", "second", "third", message=LARGE)
    async with app(durability="sync"):
        size = await total_size((await journal()).store)
        assert await prune(await journal(), RetentionSettings(max_bytes=size)) == 0
        assert await prune(await journal(), RetentionSettings(max_bytes=size // 2)) == 2
        assert await there("first", "second", "third") == ["third"]


async def test_the_size_of_a_session_whose_agent_runs_makes_no_room(app: App) -> None:
    async with app(durability="sync"):
        await kept("runs", "second", "third", message=LARGE)
    async with app(durability="sync"):
        await agent_supervisor.start_agent({"id": "runs", "model": "echo"})
        size = await total_size((await journal()).store)
        assert await prune(await journal(), RetentionSettings(max_bytes=size - 1)) == 1
        assert await there("runs", "second", "third") == ["runs", "third"]


async def test_a_turn_that_is_not_over_keeps_its_session(app: App) -> None:
    async with app(durability="sync"):
        await kept("open")
        handle = await journal()
        await handle.store.write(batch(streams=[stream("later", "open")]))
        assert await prune(handle, AGED) == 0
        assert await there("open") == ["open"]


class Reported(logging.Handler):
    """The fields of a log event."""

    def __init__(self, event: str) -> None:
        super().__init__()
        self._event = event
        self.fields: asyncio.Future[dict[str, object]] = asyncio.get_running_loop().create_future()

    def emit(self, record: logging.LogRecord) -> None:
        if self._event in record.getMessage() and not self.fields.done():
            self.fields.set_result(record.__dict__["fields"])


@contextmanager
def reported(event: str) -> Iterator[Reported]:
    handler, logger = Reported(event), logging.getLogger("understudy.sessions")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield handler
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


async def test_the_application_deletes_old_sessions_from_its_start_on(app: App) -> None:
    async with app(durability="sync"):
        await kept("one", "two")
    with reported("sessions_deleted") as deleted:
        async with app(durability="sync", retention=AGED):
            async with asyncio.timeout(30):
                assert (await deleted.fields)["count"] == 2
            assert await there("one", "two") == []


async def test_the_application_folds_old_charges_and_deletes_old_effects(app: App) -> None:
    payer = Payer("ann", "clerk", "s", "t", "s", "t")
    charges = [Charged(1000 + number, payer, Charge("m", 10, 1, cost=0.5), AT) for number in range(9)]
    entry = LedgerEntry("k", "c", "pay", "0" * 64, EffectState.DONE, 1)
    async with app(durability="sync"):
        old = replace(batch(), charges=charges, effects=[EffectNoted(entry, "s", "t", "ann", AT)])
        await (await journal()).store.write(old)
        await agent.chat(await agent_supervisor.start_agent({"id": "a", "model": "echo"}), "today")
    limits = RetentionSettings(charges_max_age=1, effects_max_age=1)
    with reported("charges_folded") as folded, reported("effects_deleted") as deleted:
        async with app(durability="sync", retention=limits):
            async with asyncio.timeout(30):
                assert ((await folded.fields)["count"], (await deleted.fields)["count"]) == (9, 1)
            store = (await journal()).store
            assert [row[:2] for row in await spending(store, "session")] == [("s", 9), ("a", 1)]
            assert (await store.rows(select(func.count()).select_from(CHARGES)))[0][0] == 2
            assert await effects(store, Chosen()) == []


@pytest.mark.parametrize(
    "limits",
    [
        RetentionSettings(),
        AGED,
        RetentionSettings(max_bytes=10**9),
        RetentionSettings(charges_max_age=1),
        RetentionSettings(effects_max_age=1),
    ],
)
async def test_the_process_runs_only_where_a_limit_is_set(app: App, limits: RetentionSettings) -> None:
    async with app(durability="sync", retention=limits):
        ids = [child.id for child in await which_children(application.NAME)]
        assert ("retention" in ids) == (limits != RetentionSettings())
