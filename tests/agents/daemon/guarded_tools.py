"""Tools that need a person's approval and write a line to a file for each run."""

import asyncio
import os
from typing import Any

from actors import KILL
from actors import exit as send_exit
from agents.agent_registry import find_agent
from agents.core.question import Question
from agents.tools.tool import tool
from tests.agents.notes import note
from tests.agents.scripts import call, calling

BUYER = calling("buyer", *(call("pays", path="{user}", euros=each) for each in (1, 2, 3)))
"""The script of a model that makes three payments at once."""


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


@tool(requires_approval=True, approval_timeout_s=0.5, on_approval_timeout="approve")
def pays_unless_denied(path: str, euros: int) -> str:
    """Pay if nobody says no."""
    note(path, f"paid {euros}")
    return f"paid {euros}"


@tool(requires_approval=True, approval_timeout_s=3600.0, on_approval_timeout="approve")
def pays_after_an_hour(path: str, euros: int) -> str:
    """Pay if nobody says no within an hour."""
    note(path, f"paid {euros}")
    return f"paid {euros}"


@tool(requires_approval=True, approval_timeout_s=3600.0)
def pays_within_an_hour(path: str, euros: int) -> str:
    """Pay if a person says yes within an hour."""
    note(path, f"paid {euros}")
    return f"paid {euros}"


@tool(requires_approval=True, approval_timeout_s=0.5)
def pays_if_approved(path: str, euros: int) -> str:
    """Pay if a person says yes in time."""
    note(path, f"paid {euros}")
    return f"paid {euros}"


@tool
async def waits_for_file(path: str) -> str:
    """Return when the file exists."""
    for _ in range(3000):
        if os.path.exists(path):
            return "there"
        await asyncio.sleep(0.01)
    return "not there"


@tool(asks=True, approval_timeout_s=3600.0)
def asks_size(article: str) -> Question:
    """Ask for a size, and take M if nobody answers."""
    return Question(f"Which size of {article}?", ("S", "M"), default="M")


@tool(asks=True, approval_timeout_s=3600.0)
def asks_name(article: str) -> Question:
    """Ask for the name of an article."""
    return Question(f"Which name of {article}?")
