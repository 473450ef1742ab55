"""An amount that a person allows for one turn wakes others of the same budget: after a kill, and on another node."""

import asyncio
import sqlite3
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

import pytest

from actors import Mailbox
from agents import StreamComplete, agent, application, start_agent
from agents.agent_registry import begun, find_agent
from agents.rehearsal import RehearsalServer, builtin
from agents.settings import Settings
from tests.agents.budgets.spenders import Kept, clerk
from tests.agents.budgets.test_parked import decision, parked_ids, rest
from tests.agents.cluster.sqlite_nodes import living_node, settings_of_two
from tests.agents.turns import park, questions
from tests.waiting import eventually

EACH = {"owner": "*", "tokens": 10}
ENOUGH = '{"allow": 100000}'


def counted(store: sqlite3.Connection, query: str) -> int:
    ((count,),) = store.execute(f"SELECT count(*) FROM {query}").fetchall()
    return int(count)


async def test_a_start_wakes_the_parked_turns_whose_budget_was_raised_right_before_a_kill(
    kept: Kept, tmp_path: Path
) -> None:
    async with kept.running(EACH, park_after=1):
        pids = [await clerk(id=id_, owner=id_[:3]) for id_ in ("ann1", "ann2", "bob1")]
        (one,), (two,), _ = [await park(pid, "Go on.", 1) for pid in pids]
        with closing(sqlite3.connect(kept.store)) as store, closing(sqlite3.connect(tmp_path / "killed.db")) as image:
            decided = asyncio.create_task(agent.approve("ann1", one.tool_call.id, edited=ENOUGH))
            await eventually(lambda: counted(store, "allowances"), what="an allowance in the store", pause_s=0.0)
            store.backup(image)  # what a kill would leave on the disk now
            await decided
            assert counted(image, "streams WHERE parked_at IS NOT NULL") == 2
            image.execute("UPDATE writer SET owner = NULL")  # the process that had the store is dead
            image.commit()
    async with Kept(kept.server, str(tmp_path / "killed.db")).running(EACH), Mailbox() as box:
        pid = find_agent("ann2") or await begun("ann2", 30)
        assert pid is not None
        assert await agent.follow(pid, two.stream_id, box.pid, after=two.seq)
        events = await rest(box)
        assert isinstance(events[-1], StreamComplete)
        assert decision(events) == [("approved", None, False)]
        assert await parked_ids("ann1", "ann2", "bob1") == {"bob1"}
        assert find_agent("bob1") is None


@pytest.mark.parametrize("park_after", [1_000, 60_000])
async def test_an_amount_that_another_node_allows_lets_a_turn_go_on(tmp_path: Path, park_after: int) -> None:
    async with RehearsalServer(builtin()) as server:
        given: dict[str, Any] = {"base_url": server.base_url, "budgets": [{"owner": "ann", "tokens": 10}]}
        far_settings, own = settings_of_two(tmp_path, **given)
        own["sessions"]["park_after"] = park_after
        async with living_node(far_settings, "agents"), application.running(Settings.model_validate(own)):
            await start_agent(id="mine", model="echo", owner="ann")
            async with aclosing(agent.stream("mine", "hello")) as mine, aclosing(agent.stream("anns", "hi")) as theirs:
                await questions(mine, 1)
                (asked,) = await questions(theirs, 1)
                await agent.approve("anns", asked.tool_call.id, edited=ENOUGH)
                ends = [[event async for event in events] for events in (theirs, mine)]
    assert {type(events[-1]) for events in ends} == {StreamComplete}
    assert decision(ends[1]) == [("approved", None, False)]
