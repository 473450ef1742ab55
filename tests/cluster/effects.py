"""Tools of the cluster's tests. Each run adds a line to a file."""

import asyncio
import os
from pathlib import Path
from typing import Final

from agents.tools.tool import tool

FOLDER: Final = "CLUSTER_EFFECTS"
"""The environment variable with the folder of the files."""


def note(kind: str, name: str) -> None:
    with (Path(os.environ[FOLDER]) / f"{kind}-{name}").open("a") as file:
        file.write(f"{os.getpid()}\n")


@tool
async def pays(name: str) -> str:
    """Must run at most once."""
    note("pays", name)
    await asyncio.sleep(0.3)  # a node may be lost in this time
    return "paid"


@tool(idempotent=True)
async def looks(name: str) -> str:
    """May run twice."""
    note("looks", name)
    await asyncio.sleep(0.2)
    return "seen"


@tool(idempotent=True)
async def kills_its_node(name: str) -> str:
    """End the OS process."""
    note("kills", name)
    os._exit(9)
