"""Laws of a pool whose workers start and end by the load, while processes die and threads run."""

import asyncio
import dataclasses
import os
import signal
from pathlib import Path

import pytest

from actors import Mailbox
from actors.testing import settled
from agents import application
from agents.core.conversation import Function, ToolCall
from agents.core.events import ToolResult
from agents.core.round import ToolFinished
from agents.settings import Settings, ToolSettings
from agents.tools import pool as pools
from agents.tools.errors import WorkerDied
from agents.tools.executor import TurnCalls
from agents.tools.pool import WorkerPool
from tests.agents.tools import sample_tools

MANY = 20


@pytest.mark.parametrize("depth", [1, 2], ids=["template", "fork server"])
async def test_calls_whose_start_is_killed_get_workers_of_another_template(
    monkeypatch: pytest.MonkeyPatch, depth: int
) -> None:
    monkeypatch.setattr(pools, "COMPUTING", MANY)
    async with WorkerPool(size=MANY) as pool:
        template = await pool.run(sample_tools.parent, "{}")
        os.kill(template, signal.SIGSTOP)  # it reads no order from now on
        calls = [asyncio.create_task(pool.run(sample_tools.parent, "{}")) for _ in range(MANY)]
        await settled()  # the orders are sent
        os.kill(template if depth == 1 else _parent(template), signal.SIGKILL)
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        died = [each for each in outcomes if isinstance(each, WorkerDied)]
        served = {each for each in outcomes if isinstance(each, int)} - {template}
        assert len(served) == 1
        assert len(died) <= 1  # the call with the worker that was ready
        assert len([each for each in outcomes if each in served | {template}]) >= MANY - 1  # one may have been ready


async def test_many_workers_start_while_threads_of_their_module_run() -> None:
    from tests.agents.tools import with_threads

    with_threads.ENDED.set()  # here, not in the pool's processes, which import the module themselves
    async with WorkerPool(size=MANY) as pool:
        found = await asyncio.gather(*(pool.run(with_threads.logs_and_counts, "{}") for _ in range(3 * MANY)))
    assert len({pid for pid, _ in found}) == 3 * MANY
    assert {threads for _, threads in found} == {1}


async def test_workers_that_end_after_idle_time_use_up_no_restart() -> None:
    """The idle time is so short that workers end between all calls, also while a call takes one."""
    tools = ToolSettings(workers=MANY, min_workers=0, worker_idle_time=1)
    fragile = dataclasses.replace(sample_tools.add, restart="transient", idempotent=True, max_restarts=0)
    async with application.running(Settings(tools=tools)), Mailbox():
        calls = TurnCalls({fragile.name: fragile})
        for _ in range(3):
            for number in range(MANY):
                await calls.start(ToolCall(str(number), Function(fragile.name, '{"a": 1}'), number))
            results = await _results(calls)
            assert [(each.error, each.value, each.attempts) for each in results] == [(None, 2, 1)] * MANY
        await calls.stop()


async def _results(calls: TurnCalls) -> list[ToolResult]:
    results: list[ToolResult] = []
    while len(results) < MANY:
        if isinstance(happened := await calls.next(), ToolFinished):
            results.append(happened.result)
    return results


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
