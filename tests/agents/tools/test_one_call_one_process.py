"""Laws of one process per call: what a call does to its process or its socket affects no other call."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from agents.tools.errors import ToolRaised, WorkerDied
from agents.tools.pool import WorkerPool
from agents.tools.run import run_call
from agents.tools.tool import Tool
from agents.tools.worker import control
from tests.agents.tools import harmful_tools, sample_tools
from tests.agents.tools.harmful_tools import CHANGES, CHILDREN, ERRORS, FRAMES

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[WorkerPool]:
    async with WorkerPool(size=1) as pool:
        yield pool


async def test_no_change_that_a_call_makes_to_its_process_reaches_the_next_call(pool: WorkerPool) -> None:
    before = await pool.run(harmful_tools.state, "{}")
    changed = {}
    for how in CHANGES:
        with contextlib.suppress(ToolRaised, WorkerDied):  # a call may harm itself
            await pool.run(harmful_tools.changes, f'{{"how": "{how}"}}')
        after = await pool.run(harmful_tools.state, "{}")
        changed[how] = {key: value for key, value in after.items() if key != "children" and value != before[key]}
    assert changed == {how: {} for how in CHANGES}


@pytest.mark.parametrize("how", CHILDREN)
async def test_data_of_a_child_that_a_tool_forked_is_ignored(pool: WorkerPool, how: str) -> None:
    progress: list[Any] = []
    arguments = f'{{"how": "{how}"}}'
    assert await pool.run(harmful_tools.forks, arguments, progress.append) == "from the parent"
    assert progress == ["from the parent"]
    assert await pool.run(sample_tools.add, '{"a": 1}') == 2


@pytest.mark.parametrize("what", FRAMES)
async def test_an_invalid_frame_fails_only_its_own_call(pool: WorkerPool, what: str) -> None:
    progress: list[Any] = []
    with pytest.raises(WorkerDied, match=r"sent|announced|reported"):
        await pool.run(harmful_tools.writes, f'{{"what": "{what}"}}', progress.append)
    assert len(progress) <= 1000
    assert await pool.run(sample_tools.add, '{"a": 1}') == 2


WITHOUT_A_COROUTINE = [harmful_tools.raises_in_process, harmful_tools.raises_in_thread]
IN_A_COROUTINE = [harmful_tools.raises_in_a_loop_of_its_process, harmful_tools.raises_on_the_loop]
RAISED = [
    *[(made, what) for made in WITHOUT_A_COROUTINE for what in ERRORS],
    # Python makes a RuntimeError of a StopIteration that leaves a coroutine.
    *[(made, what) for made in IN_A_COROUTINE for what in ERRORS if not what.startswith("Stop")],
]


@pytest.mark.parametrize(("made", "what"), RAISED, ids=lambda each: getattr(each, "name", each))
async def test_any_exception_of_a_tool_ends_its_call_with_type_and_text(
    pool: WorkerPool, made: Tool, what: str
) -> None:
    with pytest.raises(ToolRaised) as caught:
        await run_call(made, f'{{"what": "{what}"}}', pool)
    assert str(caught.value) == what


STOPS = [harmful_tools.stops_its_template, harmful_tools.stops_everything]


@pytest.mark.parametrize("stops", STOPS)
async def test_a_fork_server_that_does_not_answer_is_replaced(monkeypatch: pytest.MonkeyPatch, stops: Tool) -> None:
    monkeypatch.setattr(control, "SILENCE_S", 0.5)
    async with WorkerPool(size=1) as pool:
        await pool.run(stops, "{}")
        for _ in range(3):
            assert await pool.run(sample_tools.add, '{"a": 1}') == 2


@pytest.mark.parametrize("stops", STOPS)
async def test_a_stopped_fork_server_is_replaced_long_before_a_silent_one(
    monkeypatch: pytest.MonkeyPatch, stops: Tool
) -> None:
    monkeypatch.setattr(control, "SILENCE_S", 3600.0)
    async with WorkerPool(size=1) as pool:
        await pool.run(stops, "{}")
        for _ in range(3):
            assert await pool.run(sample_tools.add, '{"a": 1}') == 2
