"""Schedules of two nodes: each due time has one run, and a killed node leaves its runs to the other one."""

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from agents.client import Client
from tests.cluster.nodes import AGENT, Cluster
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]
WAIT_S = 90.0
RUNS = 4


Runs: TypeAlias = list[dict[str, Any]]


async def runs(client: Client, until: Callable[[Runs], bool]) -> Runs:
    """Return the runs as soon as they fit, the newest first."""

    async def found() -> Runs:
        return list((await client.get("/schedules/often/runs"))["runs"])

    return await eventually(found, until, what="runs that fit", within_s=WAIT_S)


def count(found: Runs, state: str) -> int:
    return sum(run["state"] == state for run in found)


async def test_a_killed_node_leaves_its_runs_to_the_other_one_and_no_due_time_has_two(cluster: Cluster) -> None:
    a, b = await cluster.start("a", "b")
    async with cluster.client(a) as first, cluster.client(b) as second:
        often = {"name": "often", "agent": AGENT, "message": "m", "every": 2, "overlap": "allow", "missed": "all"}
        await first.post("/schedules", often)
        cut = [run["id"] for run in await runs(first, lambda found: count(found, "active") > 0) if not run["outcome"]]
        await a.kill()
        await runs(second, lambda found: count(found, "ended") >= RUNS)
        await second.post("/schedules/often/pause")
        found = await runs(second, lambda found: count(found, "ended") == len(found))
        due = [run["due_at"] for run in found]
        assert len(due) == len(set(due))
        assert {run["outcome"] for run in found if run["id"] in cut} == {"complete"}
        for run in found:
            if run["session_id"] is not None:
                session = await second.get("/sessions/" + run["session_id"])
                assert [stream["id"] for stream in session["streams"]] == [run["id"]]
    assert await b.stopped() == 0
