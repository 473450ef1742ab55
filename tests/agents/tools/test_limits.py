"""Laws of a job's limits: what is over them ends as that call's result, and the next call has its own."""

import pytest

from agents.tools.errors import CpuTimeUsedUp, ToolRaised
from agents.tools.pool import WorkerPool
from tests.agents.tools import sample_tools

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


async def test_cpu_time_over_the_limit_ends_the_call_even_in_c() -> None:
    async with WorkerPool(size=1) as pool:
        with pytest.raises(CpuTimeUsedUp, match="no result within 1 s of CPU time"):
            await pool.run(sample_tools.computes, f'{{"rounds": {10**12}}}')
        assert await pool.run(sample_tools.add, '{"a": 1}') == 2
