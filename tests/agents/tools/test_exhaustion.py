"""Laws of the pool where descriptors are used up: it runs fewer calls at once, and fails none. The limits are real."""

import asyncio
import json
import os
import resource
import sys

import pytest

from agents.tools import pool as pools
from agents.tools.errors import PoolUnavailable
from agents.tools.pool import WorkerPool
from tests.agents.tools import sample_tools
from tests.agents.tools.observed import Watch

MANY = 20
FEW_DESCRIPTORS = 15  # of a template: enough for a few workers
NO_DESCRIPTORS = 12  # all of them are kept for what a template opens for a moment


def limit(pid: int, descriptors: int) -> None:
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


async def test_calls_wait_for_others_where_a_template_can_fork_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "COMPUTING", MANY)
    async with WorkerPool(size=MANY) as pool:
        template = await pool.run(sample_tools.parent, "{}")
        limit(template, FEW_DESCRIPTORS)
        await asyncio.gather(*(pool.run(sample_tools.computes_for, '{"seconds": 0.1}') for _ in range(MANY)))
        assert await pool.run(sample_tools.parent, "{}") == template


async def test_a_call_fails_where_no_worker_can_be_forked_and_none_runs() -> None:
    async with WorkerPool(size=MANY) as pool:
        template = await pool.run(sample_tools.parent, "{}")
        limit(template, NO_DESCRIPTORS)
        outcomes = await asyncio.gather(
            *(pool.run(sample_tools.runs_in, "{}") for _ in range(MANY)), return_exceptions=True
        )
        refused = [each for each in outcomes if isinstance(each, PoolUnavailable)]
        assert len(refused) >= MANY - 1  # one worker was ready
        assert str(refused[0]).endswith("could not be forked: Too many open files")
        limit(template, FEW_DESCRIPTORS)
        assert await pool.run(sample_tools.parent, "{}") == template


async def test_more_children_than_descriptors_are_killed_and_other_calls_run_on() -> None:
    async with WorkerPool(size=2) as pool:
        template = await pool.run(sample_tools.parent, "{}")
        limit(template, FEW_DESCRIPTORS)
        children = await pool.run(sample_tools.leaves_children, json.dumps({"count": 3 * FEW_DESCRIPTORS}))
        await Watch(children).ended()
        assert await pool.run(sample_tools.parent, "{}") == template


HOST = """
import asyncio, os, resource, sys
from agents.tools import pool as pools
from tests.agents.tools.sample_tools import runs_in

async def main(many):
    pools.COMPUTING = many
    async with pools.WorkerPool() as pool:
        await pool.load([runs_in])
        few = len(os.listdir("/proc/self/fd")) + 4
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, few))
        workers = await asyncio.gather(*(pool.run(runs_in, "{}") for _ in range(many)))
    print(len({*workers}))

asyncio.run(main(int(sys.argv[1])))
"""


async def test_calls_wait_for_others_where_the_program_has_no_descriptor_left() -> None:
    command = [sys.executable, "-c", HOST, str(MANY)]
    host = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env={**os.environ})
    printed, _ = await host.communicate()
    assert int(printed) == MANY
