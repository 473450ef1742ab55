"""One attempt of one call, in the tool's isolation. The caller is responsible for restarts.

The deadline is the tool's timeout_s in each isolation. A cancelled caller ends the call:
    process     SIGKILL for the worker and all that it started
    task        cancelled, and closed if it does not end within a grace
    thread      abandoned: a thread can't be killed, so it continues, and its result is dropped
"""

import asyncio
import contextlib
import inspect
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import closing
from contextvars import copy_context
from typing import Any, cast

from actors.log import get_logger
from agents.tools.call_context import CallContext, outside, question_in
from agents.tools.errors import CallAsks, InvalidArguments, ServerDown, ServerRaised, ToolRaised, no_result
from agents.tools.forked import Stepwise, children_end_here, note_loop
from agents.tools.pool import WorkerPool
from agents.tools.progress import ProgressReports, Send, last_of, report_call_to, unobserved, unwatched
from agents.tools.result import returned
from agents.tools.task_outcome import read_outcome
from agents.tools.tool import Tool

GRACE_S = 0.1  # the time that a cancelled coroutine has to clean up

log = get_logger("understudy.tools")


async def run_call(
    tool: Tool,
    arguments_json: str,
    pool: WorkerPool | None,
    on_progress: Send = unwatched,
    on_begin: Callable[[], object] = unobserved,
    context: Callable[[], CallContext] = outside,
) -> Any:
    """Run one call, and return the tool's result as JSON data within its max_output_bytes, or as WithMedia.

    pool: runs the tool if its isolation is "process". on_progress: called on the loop with each value that the tool
    reports. on_begin: called on the loop when the tool is about to run: its arguments are valid, and it has a worker.
    context: called then, for a tool that has a parameter for it.
    Raises InvalidArguments before anything runs, ToolRaised, CallAsks, CpuTimeUsedUp, WorkerDied, ServerDown,
    PoolUnavailable, TimeoutError.
    """
    values = _validated(tool, arguments_json)
    if tool.isolation == "process":
        assert pool is not None
        return await pool.run(tool, arguments_json, on_progress, on_begin, context)
    on_begin()
    values = tool.with_context(values, context()) if tool.context else values
    run = _run_task if tool.isolation == "task" else _run_thread
    return await run(tool, values, on_progress)


def _validated(tool: Tool, arguments_json: str) -> dict[str, Any]:
    try:
        with children_end_here():
            return tool.arguments(arguments_json)
    except InvalidArguments:
        raise
    except BaseException as error:  # the crash boundary: a validator may be the tool's code
        raise ToolRaised.by(error) from error


async def _run_task(tool: Tool, values: dict[str, Any], on_progress: Send) -> Any:
    task = asyncio.create_task(Stepwise(_awaited(tool, values, on_progress)), name=f"tool {tool.name}")
    try:
        done, _ = await asyncio.wait({task}, timeout=tool.deadline_s)
    except asyncio.CancelledError:
        await _end(task, tool)
        raise
    if not done:
        await _end(task, tool)
        raise no_result(tool.deadline_s)
    if task.cancelled():
        raise ToolRaised("CancelledError", "the tool cancelled itself")
    return task.result()


async def _run_thread(tool: Tool, values: dict[str, Any], on_progress: Send) -> Any:
    """Run the tool in a thread of its own, which ends with the program.

    A thread that hangs would occupy a place in a shared thread pool.
    """
    loop = asyncio.get_running_loop()
    outcome: Future[Any] = Future()

    def work() -> None:
        outcome.set_running_or_notify_cancel()  # a caller that stops waiting must not affect the thread
        try:
            outcome.set_result(_called(tool, values, reports))
        except (ToolRaised, CallAsks) as ended:
            outcome.set_exception(ended)

    with closing(ProgressReports(lambda data: loop.call_soon_threadsafe(on_progress, data))) as reports:
        threading.Thread(target=copy_context().run, args=(work,), name=f"tool {tool.name}", daemon=True).start()
        try:
            async with asyncio.timeout(tool.deadline_s):
                return await asyncio.wrap_future(outcome)
        except TimeoutError:
            raise no_result(tool.deadline_s) from None


async def _awaited(tool: Tool, values: dict[str, Any], on_progress: Send) -> Any:
    task = cast("asyncio.Task[Any]", asyncio.current_task())
    note_loop()
    try:
        with closing(report_call_to(ProgressReports(on_progress))):
            made = tool.function(**values)
            return returned(await (last_of(made) if inspect.isasyncgen(made) else made), tool.max_output_bytes)
    except (ServerDown, ServerRaised):
        raise
    except BaseException as error:  # the crash boundary: sys.exit would end the event loop
        if isinstance(error, asyncio.CancelledError | GeneratorExit) and task.cancelling():
            raise  # the call was ended: this is not the tool's own exception
        raise _ended_by(error) from error


def _called(tool: Tool, values: dict[str, Any], reports: ProgressReports) -> Any:
    try:
        with children_end_here(), closing(report_call_to(reports)):
            return returned(_run_here(tool.function(**values)), tool.max_output_bytes)
    except BaseException as error:  # the crash boundary, as above
        raise _ended_by(error) from error


def _ended_by(error: BaseException) -> ToolRaised | CallAsks:
    """Return the end of an attempt by this exception of its tool."""
    question = question_in(error)
    return ToolRaised.by(error) if question is None else CallAsks(question)


def _run_here(result: Any) -> Any:
    """Run a `def` tool. If it returns a coroutine or an async generator, run that to its end, as a worker does."""
    if inspect.isasyncgen(result):
        result = last_of(result)
    return asyncio.run(result) if inspect.iscoroutine(result) else result


async def _end(task: "asyncio.Task[Any]", tool: Tool) -> None:
    """Cancel the task. If it has not ended after a grace, close its coroutine. The task then ends in any case.

    A caller that is cancelled again ends the grace: a kill cancels until the caller has ended.

    Close throws GeneratorExit, which also reaches a tool that swallows CancelledError. If the tool swallows both, our
    coroutine around it ends with RuntimeError, and nothing resumes the tool.
    """
    task.add_done_callback(read_outcome)
    task.cancel()
    try:
        await asyncio.wait({task}, timeout=GRACE_S)
    finally:
        if is_late := not task.done():
            log.warning("tool_ignored_cancellation", tool=tool.name)
            with contextlib.suppress(Exception):  # the call has ended, so nothing waits for this exception
                cast("Coroutine[Any, Any, Any]", task.get_coro()).close()
            task.cancel()
    if is_late:
        await asyncio.wait({task}, timeout=GRACE_S)
