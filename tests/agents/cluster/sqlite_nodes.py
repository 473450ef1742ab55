"""Nodes on one SQLite file: the test's own OS process, and others that run tests/cluster/far_program.py."""

import asyncio
import json
import secrets
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tests.agents.cli.terminal import environment

ROOT = Path(__file__).parents[3]
START_S = 60.0


def settings(folder: Path, name: str = "own", **own: Any) -> dict[str, Any]:
    """Return the settings of a node as data. own: settings of `cluster`."""
    return {
        "api_key": "rehearsal",
        "tools": {"min_workers": 0, "workers": 1},
        "sessions": {"url": f"sqlite:///{folder / 'store.db'}", "durability": "batched"},
        "daemon": {"state_dir": str(folder / name)},
        "cluster": {"enabled": True, "name": name, **own},
    }


def settings_of_two(folder: Path, **own: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings of a far node and of this one, which share a secret. own: further settings of both."""
    secret = folder / "secret"
    secret.touch(mode=0o600)
    secret.write_text(secrets.token_urlsafe(32))
    far, here = (settings(folder, name, lease_time=6000, secret_file=str(secret)) for name in ("far", "own"))
    return far | own, here | own


@asynccontextmanager
async def living_node(given: dict[str, Any], agents: str = "none") -> AsyncIterator[Process]:
    """Run a node, and kill it at the end of the block. agents: see far_program.py."""
    async with ready_program("tests.cluster.far_program", json.dumps(given), agents) as process:
        yield process


@asynccontextmanager
async def ready_program(module: str, *arguments: str) -> AsyncIterator[Process]:
    """Run a program of the tests from the line with which it is ready on, and kill it at the end of the block."""
    command = sys.executable, "-m", module, *arguments
    variables = environment(PYTHONPATH=str(ROOT))
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, cwd=ROOT, env=variables)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START_S):
            while await process.stdout.readline() != b"ready\n":
                assert not process.stdout.at_eof()
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
