"""Laws of a turn's calls: approvals, runs, retries, progress, and one answer per call."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from actors import sys as otp_sys
from agents import application
from agents.core.conversation import Function, ToolCall
from agents.core.effects import ApprovalAsked, ToolCleared, ToolProgressed, ToolStarted
from agents.core.events import ToolResult
from agents.core.round import ToolFinished
from agents.settings import Settings, ToolSettings
from agents.tools.approval import AlreadyDecided, Decided, NotAsked, OtherArguments
from agents.tools.call_supervisor import MAX_UNREAD, TOOL_SUPERVISOR
from agents.tools.doubtful_calls import Happened
from agents.tools.executor import TurnCalls
from agents.tools.progress import BURST, progress
from agents.tools.tool import Tool, tool
from supervisors import count_children
from tests.agents.tools import harmful_tools, sample_tools

Stage = Callable[..., TurnCalls]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """Make the calls of a turn that has these tools."""
    async with application.running(Settings(tools=ToolSettings(workers=1))):
        made: list[TurnCalls] = []

        def calls(*tools: Tool) -> TurnCalls:
            made.append(TurnCalls({each.name: each for each in tools}))
            return made[-1]

        yield calls
        for each in made:
            await each.stop()


def call(name: str, arguments: str = "{}", index: int = 0) -> ToolCall:
    return ToolCall(f"call_{index}", Function(name, arguments), index)


async def until_finished(calls: TurnCalls) -> list[Happened]:
    happened = [await calls.next()]
    while not isinstance(last := happened[-1], ToolFinished):
        if isinstance(last, ToolCleared):
            await calls.run_cleared(last.index)
        happened.append(await calls.next())
    return happened


async def result(calls: TurnCalls) -> ToolResult:
    last = (await until_finished(calls))[-1]
    assert isinstance(last, ToolFinished)
    return last.result


async def test_a_transient_tool_that_raises_is_not_run_again(stage: Stage, tmp_path: Path) -> None:
    calls = stage(harmful_tools.raises_once)
    await calls.start(call("raises_once", f'{{"what": "Panic: out of bounds", "mark": "{tmp_path / "mark"}"}}'))
    ended = await result(calls)
    assert (ended.error, ended.content) == ("raised", "error: Panic: out of bounds")
    assert (tmp_path / "mark").read_text() == "x"


class Tries:
    """An async tool that fails a number of times, and records its arguments."""

    def __init__(self, failures: int = 0, late: bool = False) -> None:
        self.failures, self.late = failures, late
        self.seen: list[str] = []

    def tool(self, **options: Any) -> Tool:
        async def send(text: str) -> str:
            self.seen.append(text)
            if len(self.seen) > self.failures:
                return f"sent {text}"
            if self.late:
                await asyncio.Event().wait()
            raise ConnectionError("try later")

        return tool(description="Send a text.", **options)(send)


AGAIN: dict[str, Any] = {"idempotent": True, "backoff_s": 0.001}


@pytest.mark.parametrize("late", [False, True])
async def test_a_call_that_raised_or_was_late_is_retried(stage: Stage, late: bool) -> None:
    tries = Tries(failures=2, late=late)
    calls = stage(tries.tool(**AGAIN, retries=2, timeout_s=0.05 if late else None))
    await calls.start(call("send", '{"text": "a"}'))
    answer = await result(calls)
    assert (answer.content, answer.error, answer.attempts) == ("sent a", None, 3)


async def test_a_call_that_uses_all_retries_returns_the_last_failure(stage: Stage) -> None:
    calls = stage(Tries(failures=9).tool(**AGAIN, retries=1))
    await calls.start(call("send", '{"text": "a"}'))
    answer = await result(calls)
    assert (answer.content, answer.error, answer.attempts) == ("error: ConnectionError: try later", "raised", 2)


async def test_a_call_with_invalid_arguments_is_not_retried(stage: Stage) -> None:
    tries = Tries()
    calls = stage(tries.tool(**AGAIN, retries=3))
    await calls.start(call("send", "{}"))
    assert (await result(calls)).error == "invalid_arguments"
    assert tries.seen == []


async def test_the_model_reads_the_fallback_and_the_user_the_kind_of_failure(stage: Stage) -> None:
    calls = stage(Tries(failures=9).tool(fallback={"sent": False}))
    await calls.start(call("send", '{"text": "a"}'))
    answer = await result(calls)
    assert (answer.content, answer.value, answer.error) == ('{"sent":false}', {"sent": False}, "raised")


async def test_a_crash_falls_back_and_none_is_a_valid_fallback(stage: Stage) -> None:
    calls = stage(tool(fallback=None)(sample_tools.segfaults.function))
    await calls.start(call("segfaults"))
    answer = await result(calls)
    assert (answer.content, answer.value, answer.error) == ("null", None, "crashed")


async def test_a_mistake_of_the_model_has_no_fallback(stage: Stage) -> None:
    calls = stage(Tries().tool(fallback="nothing"))
    await calls.start(call("send", "{}"))
    assert (await result(calls)).content.startswith("error: text:")


async def test_cpu_time_over_the_limit_ends_the_call_even_in_c_and_the_next_call_runs(stage: Stage) -> None:
    calls = stage(sample_tools.computes, sample_tools.add)
    await calls.start(call("computes", f'{{"rounds": {2**31 - 1}}}'))
    answer = await result(calls)
    assert (answer.content, answer.error) == ("error: no result within 1 s of CPU time", "cpu_time")
    await calls.start(call("add", '{"a": 1}'))
    assert (await result(calls)).value == 2


# Progress


@tool
async def reports_on_the_loop(count: int, last: str) -> str:
    """Report numbers, then return."""
    for number in range(count):
        progress(number)
    return last


in_a_thread = tool(isolation="thread", name="reports_in_a_thread")(sample_tools.reports.function)
REPORTERS = [reports_on_the_loop, in_a_thread, sample_tools.reports]


@pytest.mark.parametrize("reports", REPORTERS, ids=lambda each: each.isolation)
async def test_progress_comes_in_order_and_before_the_result(stage: Stage, reports: Tool) -> None:
    calls = stage(reports)
    await calls.start(call(reports.name, '{"count": 3, "last": "done"}', index=7))
    begun, *before, last = await until_finished(calls)
    assert isinstance(begun, ToolStarted)
    assert (begun.index, begun.attempt) == (7, 1)
    assert before == [ToolProgressed(7, number) for number in range(3)]
    assert isinstance(last, ToolFinished)
    assert last.result.content == "done"


@pytest.mark.parametrize("reports", REPORTERS, ids=lambda each: each.isolation)
async def test_a_flood_is_thinned_and_its_latest_value_arrives(stage: Stage, reports: Tool) -> None:
    calls = stage(reports)
    await calls.start(call(reports.name, '{"count": 5000, "last": "done"}'))
    *before, _ = await until_finished(calls)
    assert len(before) < 2000
    assert before[-1] == ToolProgressed(0, 4999)


async def test_unread_progress_is_bounded_and_ends_with_the_latest(stage: Stage) -> None:
    calls = stage(reports_on_the_loop)  # the reports come before the owner can read any
    await calls.start(call("reports_on_the_loop", f'{{"count": {BURST}, "last": "done"}}'))
    *before, _ = await until_finished(calls)
    kept = [*range(MAX_UNREAD - 1), BURST - 1]
    assert before[1:] == [ToolProgressed(0, number) for number in kept]


async def test_a_thread_of_a_worker_reports_too(stage: Stage) -> None:
    calls = stage(sample_tools.reports_from_a_thread)
    await calls.start(call("reports_from_a_thread"))
    assert (await until_finished(calls))[1] == ToolProgressed(0, "from the thread")


async def test_progress_that_is_too_large_is_cut_with_a_mark(stage: Stage) -> None:
    calls = stage(sample_tools.reports_much)
    await calls.start(call("reports_much"))
    _, reported, _ = await until_finished(calls)
    assert isinstance(reported, ToolProgressed)
    assert reported.data.endswith("\n[cut: the first 16384 of 200000 bytes]")


async def test_the_values_of_a_generator_are_progress_and_the_last_is_the_result(stage: Stage) -> None:
    @tool
    async def counts(to: int) -> AsyncIterator[int]:
        """Count."""
        for number in range(to):
            yield number

    calls = stage(counts, sample_tools.yields_in_a_process)
    for name, arguments in (("counts", '{"to": 4}'), ("yields_in_a_process", "{}")):
        await calls.start(call(name, arguments))
        *before, last = await until_finished(calls)
        assert before[1:] == [ToolProgressed(0, number) for number in range(3)]
        assert isinstance(last, ToolFinished)
        assert last.result.value == 3


async def test_a_generator_that_yields_nothing_returns_none(stage: Stage) -> None:
    @tool
    async def silent() -> AsyncIterator[int]:
        """Yield nothing."""
        for number in range(0):
            yield number

    calls = stage(silent)
    await calls.start(call("silent"))
    _, last = await until_finished(calls)
    assert isinstance(last, ToolFinished)
    assert last.result == ToolResult("null", elapsed_s=last.result.elapsed_s)


async def test_a_generator_is_closed_at_its_deadline() -> None:
    closed = asyncio.Event()

    @tool(timeout_s=0.01)
    async def waits() -> AsyncIterator[int]:
        """Yield once, and wait."""
        try:
            yield 1
            await asyncio.Event().wait()
            yield 2
        finally:
            closed.set()

    async with application.running(Settings(tools=ToolSettings(workers=1))):
        calls = TurnCalls({"waits": waits})
        await calls.start(call("waits"))
        assert (await result(calls)).error == "timeout"
        await calls.stop()
    assert closed.is_set()


async def test_stop_waits_for_a_start_that_was_cancelled(stage: Stage) -> None:
    calls = stage(Tries().tool())
    await otp_sys.suspend(TOOL_SUPERVISOR)  # it is busy with other requests
    starting = asyncio.create_task(calls.start(call("send", '{"text": "a"}')))
    await asyncio.sleep(0)
    starting.cancel()
    await asyncio.wait({starting})
    stopping = asyncio.create_task(calls.stop())
    await asyncio.sleep(0)
    assert not stopping.done()
    await otp_sys.resume(TOOL_SUPERVISOR)
    await stopping
    assert (await count_children(TOOL_SUPERVISOR)).active == 0


def test_progress_outside_of_a_call_does_nothing() -> None:
    progress({"any": "thing"})


# Approval


async def asked(calls: TurnCalls, name: str = "send", text: str = "a", index: int = 0) -> ApprovalAsked:
    await calls.start(call(name, f'{{"text": "{text}"}}', index))
    happened = await calls.next()
    assert isinstance(happened, ApprovalAsked)
    return happened


async def test_a_call_runs_once_it_is_approved(stage: Stage) -> None:
    tries = Tries()
    calls = stage(tries.tool(requires_approval=True, approval_timeout_s=60.0))
    assert await asked(calls) == ApprovalAsked(0, 60.0)
    assert tries.seen == []
    assert calls.approve("call_0") == Decided("call_0", "approved")
    assert (await result(calls)).content == "sent a"
    assert tries.seen == ["a"]


async def test_a_call_that_is_denied_never_runs_and_the_model_reads_why(stage: Stage) -> None:
    tries = Tries()
    calls = stage(tries.tool(requires_approval=True, fallback="kept"))
    await asked(calls)
    assert calls.deny("call_0", "not today") == Decided("call_0", "denied")
    answer = await result(calls)
    assert (answer.content, answer.error) == ("error: denied: not today", "denied")
    assert tries.seen == []


async def test_a_call_without_an_answer_within_the_deadline_is_denied(stage: Stage) -> None:
    tries = Tries()
    calls = stage(tries.tool(requires_approval=True, approval_timeout_s=0.01))
    await asked(calls)
    answer = await result(calls)
    assert (answer.content, answer.error) == ("error: denied: no answer within 0.01 s", "denied")
    assert calls.approve("call_0") == AlreadyDecided("call_0", "expired")
    assert tries.seen == []


async def test_parallel_calls_are_approved_one_by_one(stage: Stage) -> None:
    tries = Tries()
    calls = stage(tries.tool(requires_approval=True))
    await asked(calls, text="a", index=0)
    await asked(calls, text="b", index=1)
    assert calls.approve("call_1") == Decided("call_1", "approved")
    assert (await result(calls)).content == "sent b"
    assert tries.seen == ["b"]
    calls.deny("call_0")
    assert (await result(calls)).content == "error: denied"


async def test_an_approval_is_valid_only_for_the_shown_arguments(stage: Stage) -> None:
    tries = Tries()
    calls = stage(tries.tool(requires_approval=True))
    await asked(calls)
    assert calls.approve("call_0", '{"text": "b"}') == OtherArguments("call_0", '{"text": "a"}')
    assert calls.approve("call_0", '{"text": "a"}') == Decided("call_0", "approved")
    assert (await result(calls)).content == "sent a"


async def test_an_unasked_answer_and_a_second_one_are_refused(stage: Stage) -> None:
    calls = stage(Tries().tool(requires_approval=True))
    assert calls.approve("call_0") == NotAsked("call_0")
    await asked(calls)
    calls.deny("call_0")
    assert calls.approve("call_0") == AlreadyDecided("call_0", "denied")
    assert calls.deny("call_0") == AlreadyDecided("call_0", "denied")
    assert (await result(calls)).error == "denied"


async def test_a_predicate_over_the_arguments_decides(stage: Stage) -> None:
    calls = stage(Tries().tool(requires_approval=lambda text: text == "b"))
    await calls.start(call("send", '{"text": "a"}'))
    assert (await result(calls)).content == "sent a"
    await asked(calls, text="b")


@pytest.mark.parametrize("predicate", [lambda text: text / 2, sys.exit])
async def test_where_the_predicate_raises_approval_is_required(stage: Stage, predicate: Callable[[str], bool]) -> None:
    calls = stage(Tries().tool(requires_approval=lambda text: predicate(text)))
    await asked(calls)


async def test_a_call_with_invalid_arguments_asks_for_no_approval(stage: Stage) -> None:
    for needed in (True, lambda text: True):
        calls = stage(Tries().tool(requires_approval=needed))
        await calls.start(call("send", '{"text": 1}'))
        assert (await result(calls)).error == "invalid_arguments"


async def test_a_turn_that_ends_forgets_its_approvals(stage: Stage) -> None:
    tries = Tries()
    calls = stage(tries.tool(requires_approval=True))
    await asked(calls)
    await calls.stop()
    assert calls.approve("call_0") == NotAsked("call_0")
    assert tries.seen == []


async def test_an_approved_call_that_crashes_runs_again_without_another_approval(stage: Stage, tmp_path: Path) -> None:
    dies = tool(idempotent=True, restart="transient", requires_approval=True)(sample_tools.dies_once.function)
    calls = stage(dies)
    await calls.start(call("dies_once", f'{{"mark": "{tmp_path / "mark"}"}}'))
    assert isinstance(await calls.next(), ApprovalAsked)
    calls.approve("call_0")
    answer = await result(calls)
    assert (answer.content, answer.attempts) == ("alive again", 2)


# The begin of a call


async def test_a_call_begins_when_a_worker_takes_it(stage: Stage) -> None:
    calls = stage(sample_tools.reports)  # there is one worker
    for index in range(2):
        await calls.start(call("reports", '{"count": 0, "last": "done"}', index))
    happened = [await calls.next() for _ in range(4)]
    assert [type(each) for each in happened] == [ToolStarted, ToolFinished, ToolStarted, ToolFinished]
    first, second = (each.at_s for each in happened if isinstance(each, ToolStarted))
    assert first < second


async def test_a_call_that_can_not_run_has_a_result_and_no_begin(stage: Stage) -> None:
    calls = stage(sample_tools.reports)
    for refused in (call("nothing"), call("reports", '{"count": "many"}')):
        await calls.start(refused)
        (only,) = await until_finished(calls)
        assert isinstance(only, ToolFinished)
        assert only.result.error in ("unknown_tool", "invalid_arguments")


async def test_each_attempt_of_a_call_begins_with_its_number(stage: Stage) -> None:
    calls = stage(Tries(failures=2).tool(**AGAIN, retries=2))
    await calls.start(call("send", '{"text": "a"}'))
    happened = await until_finished(calls)
    assert [each.attempt for each in happened if isinstance(each, ToolStarted)] == [1, 2, 3]
