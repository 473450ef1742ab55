"""Laws of the pool when workers end: killed, crashed, late, or cancelled. The processes are real."""

import asyncio
import contextlib
import dataclasses
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from agents.tools.errors import PoolUnavailable, WorkerDied
from agents.tools.pool import WorkerPool
from agents.tools.tool import Tool
from tests.agents.tools import sample_tools
from tests.agents.tools.observed import Fifo, Watch


async def test_a_tool_that_ignores_sigterm_is_gone_with_its_children_at_its_deadline(
    pool: WorkerPool, fifo: Fifo
) -> None:
    for _ in range(pool.size):  # each has imported the module then, so a deadline covers only the tool
        await pool.run(sample_tools.add, '{"a": 1}')
    hangs = dataclasses.replace(sample_tools.hangs, timeout_s=2.0)
    call = asyncio.create_task(pool.run(hangs, json.dumps({"note": fifo.path})))
    processes = Watch(await fifo.pids())
    with pytest.raises(TimeoutError, match="no result within 2 s"):
        await call
    await processes.ended()


async def test_a_cancelled_call_kills_its_worker_with_its_children(pool: WorkerPool, fifo: Fifo) -> None:
    call = asyncio.create_task(pool.run(sample_tools.hangs, json.dumps({"note": fifo.path})))
    pids = await fifo.pids()
    processes = Watch(pids)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    with pytest.raises(ProcessLookupError):  # dead and reaped before the cancellation continued
        os.kill(pids[0], 0)
    await processes.ended()


async def test_a_worker_that_is_killed_fails_its_call_and_no_other(pool: WorkerPool, fifo: Fifo, second: Fifo) -> None:
    waiting = asyncio.create_task(pool.run(sample_tools.waits_for, json.dumps({"path": fifo.path})))
    killed = asyncio.create_task(pool.run(sample_tools.hangs, json.dumps({"note": second.path})))
    os.kill((await second.pids())[0], signal.SIGKILL)
    with pytest.raises(WorkerDied) as caught:
        await killed
    assert caught.value.how == "SIGKILL"
    fifo.release()
    assert await waiting > 0


@pytest.mark.parametrize(
    ("tool", "how"),
    [
        (sample_tools.segfaults, "SIGSEGV"),
        (sample_tools.leaves_at_once, "exit code 4"),
        (sample_tools.garbles, "announced an answer of 4294967299 bytes, allowed are 28869973"),
    ],
    ids=lambda each: each.name if isinstance(each, Tool) else "",
)
async def test_the_error_says_how_a_worker_ended(pool: WorkerPool, tool: Tool, how: str) -> None:
    with pytest.raises(WorkerDied) as caught:
        await pool.run(tool, "{}")
    assert caught.value.how == how


async def test_a_child_that_holds_the_socket_open_neither_hides_nor_survives_a_crash(
    pool: WorkerPool, fifo: Fifo
) -> None:
    call = asyncio.create_task(pool.run(sample_tools.leaves_a_child, json.dumps({"note": fifo.path})))
    written = asyncio.create_task(fifo.pids())
    with pytest.raises(WorkerDied, match="SIGSEGV"):
        await call
    _, child = await written
    await Watch([child]).ended()


async def test_a_dead_worker_is_replaced(fifo: Fifo) -> None:
    async with WorkerPool(size=1) as pool:
        for _ in range(3):
            with pytest.raises(WorkerDied):
                await pool.run(sample_tools.segfaults, "{}")
        assert await pool.run(sample_tools.add, '{"a": 1}') == 2


async def test_a_worker_that_dies_idle_serves_no_call() -> None:
    async with WorkerPool(size=1) as pool:
        template = await pool.run(sample_tools.parent, "{}")
        idle = [int(pid) for pid in Path(f"/proc/{template}/task/{template}/children").read_text().split()]
        watch = Watch(idle)
        for pid in idle:
            with contextlib.suppress(ProcessLookupError):  # the worker that has just answered
                os.kill(pid, signal.SIGKILL)
        await watch.ended()
        assert await pool.run(sample_tools.runs_in, "{}") not in idle


async def test_closing_ends_running_calls_and_refuses_waiting_ones(fifo: Fifo) -> None:
    pool = WorkerPool(size=1)
    await pool.start()
    running = asyncio.create_task(pool.run(sample_tools.hangs, json.dumps({"note": fifo.path})))
    processes = Watch(await fifo.pids())
    waiting = asyncio.create_task(pool.run(sample_tools.add, '{"a": 1}'))
    await asyncio.sleep(0)
    await pool.close()
    await processes.ended()
    with pytest.raises(WorkerDied, match="SIGKILL"):
        await running
    with pytest.raises(PoolUnavailable, match="closed"):
        await waiting


HOST = """
import asyncio, sys
from agents.tools.pool import WorkerPool
from tests.agents.tools.sample_tools import tells_and_waits

async def main():
    async with WorkerPool(size=2) as pool:
        await pool.run(tells_and_waits, sys.argv[1])

asyncio.run(main())
"""


async def test_workers_do_not_outlive_the_death_of_their_parent(fifo: Fifo, second: Fifo) -> None:
    command = [sys.executable, "-c", HOST, json.dumps({"note": fifo.path, "path": second.path})]
    host = await asyncio.create_subprocess_exec(*command)
    workers = Watch(await fifo.pids())
    host.kill()
    await host.wait()
    await workers.ended()
