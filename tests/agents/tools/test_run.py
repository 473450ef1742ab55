"""Laws of one attempt: each isolation has its deadline, its cancellation and its crash boundary."""

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator

from agents.tools.errors import InvalidArguments, ToolRaised, WorkerDied
from agents.tools.pool import WorkerPool
from agents.tools.run import run_call
from agents.tools.tool import Tool, tool
from tests.agents.tools import sample_tools

UNSTARTED = WorkerPool(size=1)


def task(function: Any, timeout_s: float = 30.0) -> Tool:
    return tool(description="Run.", isolation="task", timeout_s=timeout_s)(function)


def thread(function: Any, timeout_s: float = 30.0) -> Tool:
    return tool(description="Run.", isolation="thread", timeout_s=timeout_s)(function)


def raising(error: BaseException) -> tuple[Tool, Tool]:
    def raises() -> None:
        raise error

    async def raises_too() -> None:
        raise error

    return thread(raises), task(raises_too)


async def test_a_call_runs_where_its_isolation_says(pool: WorkerPool) -> None:
    async def in_task() -> list[int]:
        return [os.getpid(), threading.get_ident()]

    def in_thread() -> list[int]:
        return [os.getpid(), threading.get_ident()]

    here = [os.getpid(), threading.get_ident()]
    assert await run_call(task(in_task), "{}", pool) == here
    pid, thread_id = await run_call(thread(in_thread), "{}", pool)
    assert (pid == here[0], thread_id == here[1]) == (True, False)
    assert await run_call(sample_tools.runs_in, "{}", pool) != here[0]


async def test_invalid_arguments_start_nothing() -> None:
    with pytest.raises(InvalidArguments):
        await run_call(sample_tools.add, '{"a": ', UNSTARTED)


async def test_a_crash_of_a_worker_is_reported(pool: WorkerPool) -> None:
    with pytest.raises(WorkerDied, match="SIGSEGV"):
        await run_call(sample_tools.segfaults, "", pool)


@pytest.mark.parametrize("error", [KeyError("k"), TimeoutError("mine"), SystemExit(3)])
async def test_any_exception_of_a_tool_is_its_own_failure(error: BaseException) -> None:
    for made in raising(error):
        with pytest.raises(ToolRaised) as caught:
            await run_call(made, "", UNSTARTED)
        assert caught.value.type_name == type(error).__name__


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise LookupError


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("half \ud800"), "half \ufffd"),
        (ValueError("x" * 5000), "x" * 4096 + "\n[cut: the first 4096 of 5000 bytes]"),
        (Unspeakable(), ""),
    ],
)
async def test_the_text_of_any_exception_can_be_sent(error: Exception, message: str) -> None:
    for made in raising(error):
        with pytest.raises(ToolRaised) as caught:
            await run_call(made, "", UNSTARTED)
        assert caught.value.message == message


async def test_a_validator_that_raises_is_the_tools_failure() -> None:
    def breaks(value: int) -> int:
        raise KeyError(value)

    async def takes(n: Annotated[int, AfterValidator(breaks)]) -> int:
        return n

    with pytest.raises(ToolRaised, match="KeyError: 3"):
        await run_call(task(takes), '{"n": 3}', UNSTARTED)


async def test_a_coroutine_that_cancels_itself_fails_alone() -> None:
    async def cancels() -> None:
        raise asyncio.CancelledError

    with pytest.raises(ToolRaised, match="CancelledError"):
        await run_call(task(cancels), "", UNSTARTED)


async def test_a_coroutine_is_cancelled_at_its_deadline_and_cleans_up() -> None:
    cleaned: list[bool] = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    with pytest.raises(TimeoutError, match=r"no result within 0\.01 s"):
        await run_call(task(waits, 0.01), "", UNSTARTED)
    assert cleaned == [True]


async def test_a_coroutine_that_ignores_cancellation_ends_at_its_deadline() -> None:
    async def stays() -> None:
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await run_call(task(stays, 0.01), "", UNSTARTED)
    assert not [each for each in asyncio.all_tasks() if each.get_name() == "tool stays"]


async def test_a_coroutine_that_ignores_even_its_closing_is_cut_off() -> None:
    refusals = 0

    async def stays() -> None:
        nonlocal refusals
        while refusals < 3:
            try:
                await asyncio.Event().wait()
            except BaseException:  # noqa: BLE001
                refusals += 1

    with pytest.raises(TimeoutError):
        await run_call(task(stays, 0.01), "", UNSTARTED)
    assert not [each for each in asyncio.all_tasks() if each.get_name() == "tool stays"]


async def test_cancelling_the_caller_cancels_the_coroutine() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def waits() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    call = asyncio.create_task(run_call(task(waits), "", UNSTARTED))
    await started.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert ended.is_set()


async def test_a_coroutine_that_ignores_cancellation_ends_if_its_caller_is_killed() -> None:
    started = asyncio.Event()

    async def stays() -> None:
        started.set()
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    call = asyncio.create_task(run_call(task(stays), "", UNSTARTED))
    await started.wait()
    (running,) = (each for each in asyncio.all_tasks() if each.get_name() == "tool stays")
    while not call.done():
        call.cancel()  # a kill cancels again and again
        await asyncio.sleep(0)
    await asyncio.wait({running}, timeout=30)
    assert running.done()


async def test_a_late_thread_is_abandoned() -> None:
    release = threading.Event()

    def waits() -> None:
        release.wait()

    try:
        with pytest.raises(TimeoutError):
            await run_call(thread(waits, 0.01), "", UNSTARTED)
    finally:
        release.set()


PROGRAM = """
import asyncio, threading
from agents.tools.run import run_call
from agents.tools.tool import tool

@tool(isolation="thread", timeout_s=0.01)
def hangs() -> None:
    '''Run hangs.'''
    threading.Event().wait()

async def main() -> None:
    late = await asyncio.gather(*(run_call(hangs, "{}", None) for _ in range(50)), return_exceptions=True)
    print({type(each).__name__ for each in late}, await asyncio.to_thread(lambda: "a thread is left"))

asyncio.run(main())
"""


def test_threads_that_hang_block_neither_other_work_nor_the_end_of_the_program() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("{'TimeoutError'} a thread is left\n", "")


async def test_results_are_plain_data_in_every_isolation(pool: WorkerPool) -> None:
    expected = await run_call(sample_tools.returns_anything, "", pool)

    async def returns() -> Any:
        return sample_tools.returns_anything()

    assert await run_call(task(returns), "", pool) == expected
    assert await run_call(thread(sample_tools.returns_anything.function), "", pool) == expected
