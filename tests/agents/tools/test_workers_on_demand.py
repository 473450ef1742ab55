"""Laws of the number of workers: it follows the calls that wait, and falls again. The processes are real."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from actors.testing import settled
from agents.tools import pool as pools
from agents.tools.pool import WorkerPool
from agents.tools.worker import server_process
from agents.tools.worker.confine import environment
from agents.tools.worker.server_process import ForkServerProcess
from agents.tools.worker.spares import ReadyWorkers
from tests.agents.tools import sample_tools
from tests.agents.tools.observed import PATIENCE_S, Fifo, Watch
from tests.waiting import eventually

MANY = 12  # more than may compute at once
PERIOD_S = 10.0


class SkippingLoop(asyncio.SelectorEventLoop):
    """A loop of real connections and processes whose clock a test can move forward."""

    skipped_s = 0.0

    def time(self) -> float:
        return super().time() + self.skipped_s


async def test_a_fork_server_loads_its_modules_at_its_first_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_process, "FIRST_ORDER_MS", 100_000)  # longer than a test may take
    async with WorkerPool(size=1) as pool:
        assert await pool.run(sample_tools.add, '{"a": 2, "b": 3}') == 5


async def test_a_fork_server_without_an_order_loads_its_modules_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_process, "FIRST_ORDER_MS", 1)
    server = await ForkServerProcess.start(environment(os.environ))
    await server.control.started
    await server.close()
    assert server.ended.done()


def run(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        runner.run(main)


async def pass_time(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SkippingLoop)
    loop.skipped_s += seconds
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the timers that are due have run


@contextmanager
def held(template: int | None) -> Iterator[None]:
    """Stop the process within the block."""
    if template is None:
        yield
        return
    os.kill(template, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(template, signal.SIGCONT)


@asynccontextmanager
async def waiting_calls(
    pool: WorkerPool, note: Fifo, count: int, template: int | None = None
) -> AsyncIterator[set[int]]:
    """Run calls that wait, and cancel them at the end of the block. Yield the pids of their workers.

    template: its process, which then forks no worker until all calls have asked for one.
    """
    arguments = json.dumps({"note": note.path, "path": f"{note.path}.gate"})
    gate = Fifo(Path(f"{note.path}.gate"))
    with held(template):
        calls = [asyncio.create_task(pool.run(sample_tools.tells_and_waits, arguments)) for _ in range(count)]
        await settled()  # every call has asked for its worker
    pids: set[int] = set()
    while len(pids) < count:
        pids.update(await note.pids())
    yield pids
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)
    gate.close()
    Path(gate.path).unlink()


def children_of(template: int) -> set[int]:
    return {int(pid) for pid in Path(f"/proc/{template}/task/{template}/children").read_text().split()}


async def until_children_are(template: int, count: int) -> None:
    await eventually(
        lambda: children_of(template),
        lambda children: len(children) == count,
        what=f"{count} children of the template",
        within_s=PATIENCE_S,
    )


def test_each_call_that_waits_gets_a_worker_up_to_the_size(fifo: Fifo) -> None:
    async def main() -> None:
        async with WorkerPool(size=MANY) as pool:
            async with waiting_calls(pool, fifo, MANY) as pids:
                assert {*pool.running} == pids
                further = asyncio.create_task(pool.run(sample_tools.runs_in, "{}"))
                await eventually(lambda: pool.waiting, what="a call that waits for a worker", within_s=PATIENCE_S)
                assert {*pool.running} == pids
            assert await further not in pids

    run(main())


async def test_no_more_calls_compute_at_once_than_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "COMPUTING", 2)
    async with WorkerPool(size=MANY) as pool:
        spans = await asyncio.gather(*(pool.run(sample_tools.computes_for, '{"seconds": 0.2}') for _ in range(6)))
    assert max(sum(began <= start < ended for began, ended in spans) for start, _ in spans) == 2


async def test_a_call_runs_beside_many_that_wait_and_some_that_compute(
    monkeypatch: pytest.MonkeyPatch, fifo: Fifo
) -> None:
    monkeypatch.setattr(pools, "COMPUTING", 2)
    async with WorkerPool(size=MANY) as pool:
        one = asyncio.create_task(pool.run(sample_tools.computes_for, '{"seconds": 0.2}'))
        async with waiting_calls(pool, fifo, MANY - 1):
            await one
            assert await pool.run(sample_tools.add, '{"a": 1}') == 2


def test_workers_that_no_call_needs_for_a_period_end(fifo: Fifo) -> None:
    async def main() -> None:
        async with WorkerPool(size=5, ready=ReadyWorkers(least=1, idle_s=PERIOD_S)) as pool:
            template = await pool.run(sample_tools.parent, "{}")
            async with waiting_calls(pool, fifo, 5, template):
                await until_children_are(template, 10)
            await until_children_are(template, 5)
            await pass_time(PERIOD_S)  # in this period, calls needed all of them
            await pass_time(PERIOD_S / 2)
            assert len(children_of(template)) == 5
            await pass_time(PERIOD_S / 2)
            await until_children_are(template, 1)

    run(main())


def test_workers_that_calls_need_again_within_a_period_stay(fifo: Fifo) -> None:
    async def main() -> None:
        async with WorkerPool(size=4, ready=ReadyWorkers(least=1, idle_s=PERIOD_S)) as pool:
            template = await pool.run(sample_tools.parent, "{}")
            for _ in range(4):
                async with waiting_calls(pool, fifo, 4, template):
                    await until_children_are(template, 8)
                await until_children_are(template, 4)
                await pass_time(PERIOD_S / 2)
                await until_children_are(template, 4)

    run(main())


async def test_a_template_may_keep_no_worker_ready() -> None:
    async with WorkerPool(size=2, ready=ReadyWorkers(least=0)) as pool:
        await pool.load([sample_tools.parent])
        assert await pool.run(sample_tools.add, '{"a": 1}') == 2


async def test_workers_that_were_killed_while_they_waited_are_not_all_forked_again(fifo: Fifo) -> None:
    async with WorkerPool(size=5) as pool:
        template = await pool.run(sample_tools.parent, "{}")
        async with waiting_calls(pool, fifo, 5, template):
            await until_children_are(template, 10)
        await until_children_are(template, 5)
        watch = Watch([*children_of(template)])
        for pid in children_of(template):
            os.kill(pid, signal.SIGKILL)
        await watch.ended()
        assert await pool.run(sample_tools.add, '{"a": 1}') == 2
        await until_children_are(template, 2)


HOST = """
import asyncio, sys
from agents.tools.pool import WorkerPool
from tests.agents.tools.sample_tools import tells_and_waits

async def main():
    async with WorkerPool() as pool:
        await asyncio.gather(*(pool.run(tells_and_waits, sys.argv[1]) for _ in range(int(sys.argv[2]))))

asyncio.run(main())
"""


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
async def test_no_worker_of_a_grown_pool_outlives_its_program(fifo: Fifo, second: Fifo, sent: signal.Signals) -> None:
    arguments = json.dumps({"note": fifo.path, "path": second.path})
    command = [sys.executable, "-c", HOST, arguments, str(MANY)]
    host = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    pids: set[int] = set()
    while len(pids) < MANY:
        pids.update(await fifo.pids())
    template = int(Path(f"/proc/{min(pids)}/stat").read_text().rpartition(")")[2].split()[1])
    processes = Watch([template, *children_of(template)])
    with contextlib.suppress(ProcessLookupError):
        host.send_signal(sent)
    await host.wait()
    await processes.ended()
