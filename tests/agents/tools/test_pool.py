"""Laws of the pool: values in both directions, the order of waiting callers, and a worker's surroundings."""

import asyncio
import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from agents.tools.errors import InvalidArguments, PoolUnavailable, ToolRaised, WorkerDied
from agents.tools.pool import WorkerPool
from agents.tools.result import MAX_RESULT_BYTES
from agents.tools.tool import tool
from agents.tools.worker.confine import NICENESS
from tests.agents.tools import sample_tools
from tests.agents.tools.observed import PATIENCE_S, Fifo
from tests.waiting import eventually


async def test_a_tool_runs_in_another_process_and_its_result_comes_back(pool: WorkerPool) -> None:
    assert await pool.run(sample_tools.add, '{"a": 2, "b": 3}') == 5
    assert await pool.run(sample_tools.runs_in, "{}") != os.getpid()


async def test_values_arrive_as_the_types_that_the_tool_declares(pool: WorkerPool) -> None:
    arguments = '{"point": {"x": 1}, "day": "2024-02-29"}'
    assert await pool.run(sample_tools.typed, arguments) == ["Point", "date"]


async def test_bound_values_arrive_typed_beside_those_of_the_model(pool: WorkerPool) -> None:
    assert await pool.run(sample_tools.below.bind(root="/srv"), '{"name": "a"}') == "pathlib /srv/a"


async def test_values_that_json_lacks_are_converted(pool: WorkerPool) -> None:
    assert await pool.run(sample_tools.returns_anything, "") == {
        "day": "2024-02-29",
        "point": {"x": 1, "y": 0},
        "half": "\ufffd",
        "big": 2**100,
        "1": ["set"],
    }


async def test_a_coroutine_function_may_run_in_a_process(pool: WorkerPool) -> None:
    assert await pool.run(sample_tools.sleeps_in_a_process, "{}") == "slept"


async def test_an_exception_of_a_tool_arrives_as_type_and_message(pool: WorkerPool) -> None:
    with pytest.raises(ToolRaised) as caught:
        await pool.run(sample_tools.raises, "{}")
    assert (caught.value.type_name, caught.value.message) == ("KeyError", "'shelf'")


async def test_endless_recursion_is_an_exception_of_the_tool(pool: WorkerPool) -> None:
    with pytest.raises(ToolRaised, match="RecursionError"):
        await pool.run(sample_tools.recurses, "{}")


async def test_a_worker_refuses_arguments_that_do_not_fit(pool: WorkerPool) -> None:
    with pytest.raises(InvalidArguments, match='a: input should be a valid integer, got "2"'):
        await pool.run(sample_tools.add, '{"a": "2"}')


async def test_a_tool_that_prints_breaks_nothing_and_reads_nothing(pool: WorkerPool) -> None:
    assert await pool.run(sample_tools.prints, '{"text": "hello"}') == "hello"


async def test_a_text_over_the_limit_is_cut_with_a_mark(pool: WorkerPool) -> None:
    text = await pool.run(sample_tools.returns_text, f'{{"count": {MAX_RESULT_BYTES}}}')
    kept, mark = text.split("\n")
    assert set(kept) == {"é"}
    assert len(kept.encode()) == MAX_RESULT_BYTES
    assert mark == f"[cut: the first {MAX_RESULT_BYTES} of {2 * MAX_RESULT_BYTES} bytes]"


async def test_any_other_value_over_the_limit_is_its_json_cut_with_a_mark(pool: WorkerPool) -> None:
    text = await pool.run(sample_tools.returns_many, f'{{"count": {MAX_RESULT_BYTES}}}')
    assert text.startswith("[0,0,")
    assert text.endswith(f"\n[cut: the first {MAX_RESULT_BYTES} of {2 * MAX_RESULT_BYTES + 1} bytes]")


async def test_the_limit_is_the_tools_own(pool: WorkerPool) -> None:
    small = dataclasses.replace(sample_tools.returns_text, max_output_bytes=4)
    assert await pool.run(small, '{"count": 3}') == "éé\n[cut: the first 4 of 6 bytes]"


async def test_as_many_tools_as_workers_run_at_once(pool: WorkerPool, tmp_path: Path) -> None:
    note, *gates = [Fifo(tmp_path / name) for name in ("note", "one", "two", "three")]
    arguments = [json.dumps({"note": note.path, "path": gate.path}) for gate in gates]
    calls = [asyncio.create_task(pool.run(sample_tools.tells_and_waits, each)) for each in arguments]
    pids: list[int] = []
    while len(pids) < pool.size:
        pids += await note.pids()
    assert pool.running == dict.fromkeys(pids, "tells_and_waits")
    for gate in gates:
        gate.release()
    await asyncio.gather(*calls)
    for each in (note, *gates):
        each.close()


async def test_callers_are_served_in_order_of_arrival(fifo: Fifo) -> None:
    served: list[int] = []
    async with WorkerPool(size=1) as pool:
        first = asyncio.create_task(pool.run(sample_tools.waits_for, json.dumps({"path": fifo.path})))
        await asyncio.sleep(0)

        async def call(number: int) -> None:
            served.append(await pool.run(sample_tools.add, json.dumps({"a": number, "b": 0})))

        rest = [asyncio.create_task(call(number)) for number in range(5)]
        fifo.release()
        await asyncio.gather(first, *rest)
    assert served == list(range(5))


async def test_calls_that_come_at_once_again_find_their_workers_forked(fifo: Fifo) -> None:
    async with WorkerPool(size=3) as pool, asyncio.timeout(PATIENCE_S):
        async with three_running(pool, fifo) as running:
            template = Path(f"/proc/{min(running)}/stat").read_text().split()[3]
            children = Path(f"/proc/{template}/task/{template}/children")
            waiting = await eventually(
                lambda: {int(pid) for pid in children.read_text().split()} - running,
                lambda found: len(found) >= 3,
                what="three workers that wait for a call",
            )
        async with three_running(pool, fifo) as running:
            assert running == waiting


@asynccontextmanager
async def three_running(pool: WorkerPool, note: Fifo) -> AsyncIterator[set[int]]:
    """Run three calls at once, which write their pids to note, and cancel them at the end. Yield the pids."""
    arguments = json.dumps({"note": note.path, "path": f"{note.path}.gate"})
    gate = Fifo(Path(f"{note.path}.gate"))
    calls = [asyncio.create_task(pool.run(sample_tools.tells_and_waits, arguments)) for _ in range(3)]
    pids: set[int] = set()
    while len(pids) < 3:
        pids.update(await note.pids())
    assert {*pool.running} == pids
    yield pids
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)
    gate.close()
    Path(gate.path).unlink()


async def test_a_caller_that_is_cancelled_while_it_waits_loses_no_worker(fifo: Fifo) -> None:
    async with WorkerPool(size=1) as pool:
        first = asyncio.create_task(pool.run(sample_tools.waits_for, json.dumps({"path": fifo.path})))
        waiting = asyncio.create_task(pool.run(sample_tools.add, '{"a": 1}'))
        await asyncio.sleep(0)
        waiting.cancel()
        fifo.release()
        await first
        assert await pool.run(sample_tools.add, '{"a": 1}') == 2


SECRETS = (
    *("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_BASE_URL", "AZURE_OPENAI_API_KEY", "ANTHROPIC_API_KEY"),
    *("UNDERSTUDY_API_KEY", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "LC_SECRET", "HTTPS_PROXY"),
)


async def test_a_worker_has_an_allowed_environment_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("TZ", "UTC")
    async with WorkerPool(size=1) as pool:
        environment = (await pool.run(sample_tools.surroundings, ""))["environment"]
    assert "secret" not in environment.values()
    assert environment["TZ"] == "UTC"


async def test_a_worker_has_dropped_the_privileges_it_does_not_need(pool: WorkerPool) -> None:
    has = await pool.run(sample_tools.surroundings, "")
    assert has["no_new_privs"]
    assert has["leader"]
    assert has["umask"] == 0o077
    assert has["core"] == [0, 0]
    assert has["niceness"] == min(os.getpriority(os.PRIO_PROCESS, 0) + NICENESS, 19)


async def test_a_worker_has_its_socket_and_no_other_descriptor(pool: WorkerPool, fifo: Fifo) -> None:
    descriptors = (await pool.run(sample_tools.surroundings, ""))["descriptors"]
    of_the_listing_itself = 1
    assert len(descriptors) - of_the_listing_itself == len(["stdin", "stdout", "stderr", "socket"])


async def test_a_worker_starts_without_the_clients_of_its_parent(pool: WorkerPool) -> None:
    modules = set((await pool.run(sample_tools.surroundings, ""))["modules"])
    assert not modules & {"openai", "aiohttp", "httpx2", "thespian", "structlog", "rich", "actors", "agents.tools.pool"}


async def test_a_tool_of_a_module_that_has_no_importable_name_runs(pool: WorkerPool, tmp_path: Path) -> None:
    path = tmp_path / "off_the_path.py"
    path.write_text("def twice(n: int) -> int:\n    return 2 * n\n")
    spec = importlib.util.spec_from_file_location("off_the_path", path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    sys.modules["off_the_path"] = module
    try:
        spec.loader.exec_module(module)
        assert await pool.run(tool(description="Double.")(module.twice), '{"n": 4}') == 8
    finally:
        del sys.modules["off_the_path"]


MAIN = """
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from agents.tools.pool import WorkerPool
from agents.tools.tool import tool

@tool
def module_name() -> str:
    '''Run module_name.'''
    return __name__

async def main():
    async with WorkerPool(size=1) as pool:
        print(await pool.run(module_name, ""))

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_a_tool_of_the_main_script_runs_without_running_the_script_again(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(MAIN)
    done = subprocess.run([sys.executable, "-W", "error", script], capture_output=True, text=True, check=True)
    assert done.stdout == "__mp_main__\n"


SPAWNING = """
import asyncio, multiprocessing, sys
from agents.tools.pool import WorkerPool
from agents.tools.tool import tool

def square(n: int) -> int:
    return n * n

@tool
def squares(method: str) -> list[int]:
    '''Run squares.'''
    with multiprocessing.get_context(method).Pool(1) as pool:
        return pool.map(square, range(3))

async def main():
    async with WorkerPool(size=1) as pool:
        print(await pool.run(squares, f'{{"method": "{sys.argv[1]}"}}'))

if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_tool_of_the_main_script_may_start_processes_in_each_way(tmp_path: Path, method: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(SPAWNING)
    command = [sys.executable, str(script), method]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[0, 1, 4]\n"


def test_a_pool_runs_and_kills_on_uvloop_too() -> None:
    async def main() -> None:
        async with WorkerPool(size=1) as pool:
            assert await pool.run(sample_tools.add, '{"a": 1}') == 2
            with pytest.raises(WorkerDied, match="SIGSEGV"):
                await pool.run(sample_tools.segfaults, "")
            assert await pool.run(sample_tools.add, '{"a": 1}') == 2

    uvloop.run(main())


async def test_a_pool_that_is_not_open_refuses(pool: WorkerPool) -> None:
    await pool.close()
    for each in (pool, WorkerPool(size=1)):
        with pytest.raises(PoolUnavailable):
            await each.run(sample_tools.add, '{"a": 1}')


async def test_a_pool_whose_workers_cannot_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    with pytest.raises(PoolUnavailable, match="could not be started"):
        await WorkerPool(size=2).start()


async def test_an_opened_and_closed_pool_leaves_no_descriptor_behind() -> None:
    before = os.listdir("/proc/self/fd")
    async with WorkerPool(size=2) as pool:
        await pool.run(sample_tools.add, '{"a": 1}')
    assert len(os.listdir("/proc/self/fd")) == len(before)
