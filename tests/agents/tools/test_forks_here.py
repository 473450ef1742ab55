"""Laws of a tool that forks in the program's own process: on the event loop, or in a thread."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import asyncio, os, sys
from agents.tools.approval import required
from agents.tools.run import run_call
from agents.tools.tool import tool

STATUS = []

def forked():
    if child := os.fork():
        STATUS.append(os.waitpid(child, 0)[1])
    return child == 0

def back():
    if forked():
        return "from the child"
    return "from the parent"

def fails():
    if forked():
        sys.exit("from the child")
    return "from the parent"

@tool
async def returns():
    '''Run returns.'''
    return back()

@tool
async def raises():
    '''Run raises.'''
    return fails()

@tool
async def yields():
    '''Run yields.'''
    yield back()
    yield "from the parent"

@tool
async def awaits():
    '''Run awaits.'''
    if forked():
        await LOOP.create_future()
    return "from the parent"

@tool
async def starts_tasks():
    '''Run starts_tasks.'''
    async def returns():
        return back()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(returns()) for _ in range(3)]
    return tasks[0].result()

@tool(isolation="thread")
def returns_in_a_thread():
    '''Run returns_in_a_thread.'''
    return back()

@tool(isolation="thread")
def raises_in_a_thread():
    '''Run raises_in_a_thread.'''
    return fails()

@tool(requires_approval=lambda: back() == "from the parent")
async def asks():
    '''Run asks.'''
    return "from the parent"

@tool(timeout_s=0.2)
async def cleans_up_late():
    '''Run cleans_up_late.'''
    try:
        await asyncio.sleep(600)
    finally:
        back()

async def main():
    global LOOP
    LOOP = asyncio.get_running_loop()  # a child can't ask for it
    made = globals()[sys.argv[1]]
    assert required(made, "{}") == (made is asks)
    print(await run_call(made, "{}", None))

if __name__ == "__main__":
    try:
        asyncio.run(main())
    except TimeoutError:
        print("from the parent")
    print("the end, children exited with", *STATUS)
"""
ON_THE_LOOP = ["returns", "raises", "yields", "awaits", "starts_tasks", "asks", "cleans_up_late"]
IN_A_THREAD = ["returns_in_a_thread", "raises_in_a_thread"]


@pytest.mark.parametrize("way", ON_THE_LOOP + IN_A_THREAD)
def test_a_child_that_a_tool_forks_runs_nothing_of_the_program(tmp_path: Path, way: str) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "script.py", way]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    statuses = "0 0 0" if way == "starts_tasks" else "0"
    assert done.stdout == f"from the parent\nthe end, children exited with {statuses}\n"
