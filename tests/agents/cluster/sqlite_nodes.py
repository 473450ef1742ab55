"""Nodes on one SQLite file: the test's own OS process, and others that run tests/cluster/far_program.py."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tests.agents.cli.terminal import environment

ROOT = Path(__file__).parents[3]


def settings(folder: Path, name: str = "own", **own: Any) -> dict[str, Any]:
    """Return the settings of a node as data. own: settings of `cluster`."""
    return {
        "api_key": "rehearsal",
        "tools": {"min_workers": 0, "workers": 1},
        "sessions": {"url": f"sqlite:///{folder / 'store.db'}", "durability": "batched"},
        "daemon": {"state_dir": str(folder / name)},
        "cluster": {"enabled": True, "name": name, **own},
    }


@asynccontextmanager
async def living_node(given: dict[str, Any], agents: str = "none") -> AsyncIterator[Process]:
    """Run a node, and kill it at the end of the block. agents: see far_program.py."""
    command = sys.executable, "-m", "tests.cluster.far_program", json.dumps(given), agents
    variables = environment(PYTHONPATH=str(ROOT))
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, cwd=ROOT, env=variables)
    try:
        assert process.stdout is not None
        while await process.stdout.readline() != b"ready\n":
            assert not process.stdout.at_eof()
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
