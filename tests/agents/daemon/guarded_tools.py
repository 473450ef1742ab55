"""Tools that need a person's approval and write a line to a file for each run."""

import asyncio
from typing import Any

from actors import KILL
from actors import exit as send_exit
from agents.agent_registry import find_agent
from agents.tools.tool import tool


def note(path: str, line: str) -> None:
    with open(path, "a") as file:
        file.write(f"{line}\n")


@tool(requires_approval=True)
def pays(path: str, euros: int) -> str:
    """Pay once."""
    note(path, f"paid {euros}")
    return f"paid {euros}"


@tool(requires_approval=lambda path, euros: euros > 10, parallel=False)
def pays_alone(path: str, euros: int) -> str:
    """Pay while no other call runs; small amounts need no approval."""
    note(path, f"alone {euros}")
    return f"paid {euros}"


@tool(requires_approval=True)
def pays_slowly(path: str, euros: int) -> Any:
    """Pay, and return only when the FIFO beside the file is read."""
    note(path, f"paid {euros}")
    with open(f"{path}.fifo", "w") as fifo:
        fifo.write("paid")
    return f"paid {euros}"


@tool
async def ends_its_agent() -> str:
    """Kill the agent `bad`."""
    pid = find_agent("bad")
    assert pid is not None
    send_exit(pid, KILL)
    await asyncio.Event().wait()
    return "never"
