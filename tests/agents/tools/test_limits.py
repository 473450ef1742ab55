"""Laws of a call's limits: a call over a limit fails, and the next call has limits of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agents.tools.errors import ToolRaised, WorkerDied
from agents.tools.pool import WorkerPool
from tests.agents.tools import harmful_tools, sample_tools

MIB = 1024 * 1024


async def test_memory_over_the_limit_is_an_exception_of_the_call() -> None:
    async with WorkerPool(size=1) as pool:
        assert await pool.run(sample_tools.takes_memory, f'{{"count": {MIB}}}') == MIB
        with pytest.raises(ToolRaised, match="MemoryError"):
            await pool.run(sample_tools.takes_memory, f'{{"count": {100 * MIB}}}')


async def test_a_limit_holds_for_its_own_call_only() -> None:
    async with WorkerPool(size=1) as pool:
        before = await pool.run(sample_tools.soft_limits, "")
        await pool.run(sample_tools.takes_memory, '{"count": 1}')
        await pool.run(sample_tools.opens_files, '{"count": 1}')
        await pool.run(sample_tools.computes, '{"rounds": 1}')
        assert await pool.run(sample_tools.soft_limits, "") == before


async def test_a_call_may_open_as_many_files_as_its_limit_says_and_no_more(pool: WorkerPool) -> None:
    assert await pool.run(sample_tools.opens_files, '{"count": 3}') == 3
    with pytest.raises(ToolRaised, match="Too many open files"):
        await pool.run(sample_tools.opens_files, '{"count": 4}')


async def test_a_file_may_grow_up_to_the_limit_and_no_further(pool: WorkerPool, tmp_path: Path) -> None:
    path = str(tmp_path / "file")
    assert await pool.run(harmful_tools.writes_a_file, json.dumps({"path": path, "count": 1000})) == 1000
    with pytest.raises(ToolRaised, match="File too large"):
        await pool.run(harmful_tools.writes_a_file, json.dumps({"path": path, "count": 1001}))
    assert os.path.getsize(path) <= 1000


async def test_a_call_with_more_processes_than_its_limit_is_ended(pool: WorkerPool) -> None:
    assert await pool.run(harmful_tools.starts_processes, '{"count": 3}') == 3
    with pytest.raises(WorkerDied, match="more than 3 processes"):
        await pool.run(harmful_tools.starts_processes, '{"count": 4}')
    assert await pool.run(harmful_tools.starts_processes, '{"count": 3}') == 3


HIDDEN = """
import asyncio, os
from agents.node.os_process import hide_from_own_user
from agents.tools.pool import WorkerPool
from tests.agents.tools.harmful_tools import reads_environment

async def main():
    hide_from_own_user()
    async with WorkerPool(size=1) as pool:
        print(await pool.run(reads_environment, f'{{"pid": {os.getpid()}}}'))

asyncio.run(main())
"""


def test_a_tool_reads_no_environment_of_a_process_that_hides_it() -> None:
    environment = {**os.environ, "OPENAI_API_KEY": "a secret"}
    done = subprocess.run([sys.executable, "-c", HIDDEN], env=environment, capture_output=True, text=True, check=False)
    assert "PermissionError" in done.stderr.splitlines()[-1]
    assert "a secret" not in done.stdout
