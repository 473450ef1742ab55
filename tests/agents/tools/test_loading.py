"""Laws of imports: the modules of an agent's tools are imported at its start, and no call waits for an import."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from actors.testing import settled
from agents import application
from agents.agent_config import InvalidAgentConfig
from agents.settings import Settings, ToolSettings
from agents.tools.errors import PoolUnavailable, WorkerDied
from agents.tools.pool import WorkerPool
from agents.tools.registry import resolve
from supervisors import agent_supervisor
from tests.agents.tools.observed import Fifo

HEAD = "import os, sys, time\nfrom agents.tools.tool import tool\nfrom agents.tools.worker.confine import confined\n"
TOOL = "\n@tool(timeout_s=2.0)\ndef quick(n: int) -> int:\n    '''Return it.'''\n    return n\n"
LATE = "\n@tool\nasync def on_the_loop(n: int) -> int:\n    '''Return it.'''\n    return n\n"


HELD = """
@tool
def held(note: str, path: str) -> None:
    '''Write the template's pid, and wait.'''
    with open(note, "w") as template:
        template.write(str(os.getppid()))
    open(path).read()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path. Its modules are unloaded after the test."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.fixture
async def running() -> AsyncIterator[None]:
    async with application.running(Settings(tools=ToolSettings(workers=1, import_timeout=3000))):
        yield


def module(folder: Path, name: str, text: str, tool: str = TOOL) -> str:
    (folder / f"{name}.py").write_text(HEAD + text + tool)
    return f"{name}:quick" if tool is TOOL else f"{name}:on_the_loop"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("if confined(): 1 / 0", "expected a module that can be imported, got ZeroDivisionError: division by zero"),
        ("if confined(): sys.exit('enough')", "got SystemExit: enough"),
        ("if confined(): raise KeyboardInterrupt", "got KeyboardInterrupt"),
        ("if confined(): raise BaseExceptionGroup('two', [GeneratorExit()])", "got BaseExceptionGroup: two"),
        ("if confined(): import no_such_module", "No module named 'no_such_module'"),
        ("if confined(): os._exit(3)", "expected an import that ends, got the end of its process: exit code 3"),
        ("if confined(): os.kill(os.getpid(), 11)", "got the end of its process: SIGSEGV"),
        ("if confined(): time.sleep(600)", "expected an import that ends, got none within 3 s"),
        ("if confined(): sys.modules.clear()", "got"),
        ("sys.exit('everywhere')", "expected a module that can be imported, got SystemExit: everywhere"),
        ("if not confined(): time.sleep(600)", "expected an import that ends, got none within 3 s"),
    ],
)
async def test_start_agent_reports_a_failed_import_in_one_line(
    running: None, folder: Path, text: str, words: str
) -> None:
    named = module(folder, "broken", text)
    with pytest.raises(InvalidAgentConfig) as caught:
        await agent_supervisor.start_agent({"model": "m", "tools": [named]})
    assert len(caught.value.faults) == 1
    assert "\n" not in str(caught.value)
    assert words in str(caught.value)
    assert await agent_supervisor.which_agents() == []


async def test_an_import_uses_no_time_of_a_call(folder: Path) -> None:
    named = module(folder, "slow", "if confined(): time.sleep(3)")
    tools = resolve([named])
    async with WorkerPool(size=1) as pool:
        await pool.load(tools.values())
        assert await pool.run(tools["quick"], '{"n": 1}') == 1


async def test_a_module_that_was_not_loaded_is_imported_before_the_deadline_counts(folder: Path) -> None:
    tools = resolve([module(folder, "unloaded", "if confined(): time.sleep(3)")])
    async with WorkerPool(size=1) as pool:
        assert await pool.run(tools["quick"], '{"n": 1}') == 1


async def test_a_module_of_async_tools_is_imported_by_no_worker(running: None, folder: Path) -> None:
    named = module(folder, "unneeded", f"if confined(): open({str(folder / 'mark')!r}, 'w')", LATE)
    await agent_supervisor.start_agent({"model": "m", "tools": [named]})
    assert not (folder / "mark").exists()


async def test_a_start_that_waits_for_an_import_delays_no_other(running: None, folder: Path) -> None:
    hangs = module(folder, "hangs_first", "if confined(): time.sleep(600)")
    waiting = asyncio.create_task(agent_supervisor.start_agent({"model": "m", "tools": [hangs]}))
    await asyncio.sleep(0)
    await agent_supervisor.start_agent({"model": "m", "tools": ["calculator"]})
    assert not waiting.done()
    with pytest.raises(InvalidAgentConfig):
        await waiting


async def test_a_child_that_a_module_forks_ends_with_the_import(running: None, folder: Path) -> None:
    named = module(folder, "forks_at_import", "if confined() and (child := os.fork()): os.waitpid(child, 0)")
    tools = resolve([named])
    async with WorkerPool(size=1) as pool:
        await pool.load(tools.values())
        assert await pool.run(tools["quick"], '{"n": 1}') == 1


SCRIPT = """
import asyncio
from agents import application, tool
from supervisors import agent_supervisor

@tool
def double(n: int) -> int:
    '''Run double.'''
    return 2 * n

async def main():
    async with application.running():
        await agent_supervisor.start_agent({"model": "m", "tools": [double]})
        print("started")

"""
BARE, GUARDED = "asyncio.run(main())\n", 'if __name__ == "__main__":\n    asyncio.run(main())\n'
SWALLOWED = "try:\n    asyncio.run(main())\nexcept BaseException:\n    if __name__ == '__main__': raise\n"


@pytest.mark.parametrize("ending", [BARE, SWALLOWED])
def test_start_agent_refuses_a_script_without_a_guard(tmp_path: Path, ending: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT + ending)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'start the application under if __name__ == "__main__":' in done.stderr.splitlines()[-1]
    assert done.stdout == ""


def test_a_script_with_a_guard_starts(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT + GUARDED)
    assert subprocess.run([sys.executable, script], capture_output=True, text=True, check=True).stdout == "started\n"


@pytest.mark.parametrize("how", ["stdin", "-c"])
def test_a_tool_that_no_worker_can_import_is_refused_with_advice(how: str) -> None:
    text = textwrap.dedent(SCRIPT) + GUARDED
    command = [sys.executable, *(["-c", text] if how == "-c" else [])]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    words = done.stderr.splitlines()[-1]
    assert "expected a function of a module that has a file" in words
    for way in ("a module of its own", "async def", 'isolation="thread"'):
        assert way in words


async def test_a_module_that_broke_while_a_call_waited_makes_the_pool_unavailable(folder: Path) -> None:
    module(folder, "breaks", HELD)
    note, gate = Fifo(folder / "note"), Fifo(folder / "gate")
    held = resolve(["breaks:held"])["held"]
    arguments = json.dumps({"note": note.path, "path": gate.path})
    async with WorkerPool(size=1) as pool:
        runs = asyncio.create_task(pool.run(held, arguments))
        (template,) = await note.pids()
        waits = asyncio.create_task(pool.run(held, arguments))
        await settled()  # the call has found the template, and waits for the worker
        module(folder, "breaks", "1 / 0\n")
        os.kill(template, signal.SIGKILL)
        with pytest.raises(WorkerDied):
            await runs
        with pytest.raises(PoolUnavailable, match=r"no worker process can be started: .*got ZeroDivisionError"):
            await waits
    note.close()
    gate.close()
