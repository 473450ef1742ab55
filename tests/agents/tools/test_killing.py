"""Laws of killing: a tool ends with all that it started, and no other call is affected."""

import asyncio
import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agents.tools.errors import WorkerDied
from agents.tools.pool import WorkerPool
from tests.agents.tools import sample_tools
from tests.agents.tools.observed import Fifo, Watch
from tests.agents.tools.sample_tools import MISBEHAVIOUR

DEADLINE_S = 2.0  # long enough for a tool on a busy machine to write its pids earlier


def arguments(how: str, note: Fifo) -> str:
    return json.dumps({"how": how, "note": note.path})


async def whole(pool: WorkerPool, tmp_path: Path) -> None:
    """Wait until as many tools as the pool has places have run at once."""
    fifos = [(Fifo(tmp_path / f"note-{number}"), Fifo(tmp_path / f"gate-{number}")) for number in range(pool.size)]
    calls = [
        asyncio.create_task(pool.run(sample_tools.tells_and_waits, json.dumps({"note": note.path, "path": gate.path})))
        for note, gate in fifos
    ]
    for note, _ in fifos:
        await note.pids()
    for _, gate in fifos:
        gate.release()
    await asyncio.gather(*calls)
    for note, gate in fifos:
        note.close()
        gate.close()


@pytest.mark.parametrize("how", [name for name in MISBEHAVIOUR if not name.startswith("leaves")])
async def test_a_tool_ends_at_its_deadline_with_all_it_started(
    pool: WorkerPool, fifo: Fifo, tmp_path: Path, how: str
) -> None:
    misbehaves = dataclasses.replace(sample_tools.misbehaves, timeout_s=DEADLINE_S)
    call = asyncio.create_task(pool.run(misbehaves, arguments(how, fifo)))
    pids = await fifo.pids()
    processes = Watch(pids)
    with pytest.raises(TimeoutError):
        await call
    for pid in pids:
        with pytest.raises(ProcessLookupError):  # dead and reaped before the caller got the error
            os.kill(pid, 0)
    await processes.ended()
    await whole(pool, tmp_path)


@pytest.mark.parametrize("how", [name for name in MISBEHAVIOUR if name.startswith("leaves")])
async def test_processes_that_a_dead_worker_left_end_before_its_death_is_reported(
    pool: WorkerPool, fifo: Fifo, tmp_path: Path, how: str
) -> None:
    call = asyncio.create_task(pool.run(sample_tools.misbehaves, arguments(how, fifo)))
    pids = await fifo.pids()
    with pytest.raises(WorkerDied):
        await call
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    await whole(pool, tmp_path)


async def test_a_killed_call_does_not_affect_another_one(pool: WorkerPool, fifo: Fifo, second: Fifo) -> None:
    beside = asyncio.create_task(pool.run(sample_tools.waits_for, json.dumps({"path": second.path})))
    call = asyncio.create_task(pool.run(sample_tools.misbehaves, arguments("starts_a_daemon", fifo)))
    await fifo.pids()
    call.cancel()
    await asyncio.wait({call})
    assert not beside.done()
    second.release()
    assert await beside > 0


async def test_a_process_that_a_tool_left_when_it_returned_ends_with_its_call(pool: WorkerPool, fifo: Fifo) -> None:
    call = asyncio.create_task(pool.run(sample_tools.leaves_a_helper, json.dumps({"note": fifo.path})))
    left = Watch(await fifo.pids())
    assert await call == "left"
    await left.ended()


async def test_a_pool_recovers_after_its_fork_server_is_killed(pool: WorkerPool, fifo: Fifo, tmp_path: Path) -> None:
    server = await pool.run(sample_tools.parent, "")
    call = asyncio.create_task(pool.run(sample_tools.misbehaves, arguments("sleeps", fifo)))
    workers = Watch(await fifo.pids())
    os.kill(server, signal.SIGKILL)
    with pytest.raises(WorkerDied, match="SIGKILL"):
        await call
    await workers.ended()
    await whole(pool, tmp_path)
    assert await pool.run(sample_tools.parent, "") != server


HOST = """
import asyncio, sys
from agents.tools.pool import WorkerPool
from tests.agents.tools.sample_tools import misbehaves

async def main():
    async with WorkerPool(size=2) as pool:
        await pool.run(misbehaves, sys.argv[1])

asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["spins", "starts_children", "starts_a_daemon"])
async def test_nothing_outlives_the_death_of_the_host(fifo: Fifo, how: str) -> None:
    host = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOST, arguments(how, fifo), stdout=subprocess.DEVNULL
    )
    processes = Watch(await fifo.pids())
    host.kill()
    await host.wait()
    await processes.ended()
