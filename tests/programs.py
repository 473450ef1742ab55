"""Programs of the documentation, run as a new user runs them: without a key, and warnings are errors."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

from tests.agents.cli.terminal import environment


async def output(program: Path) -> str:
    """Run a program of Python, and return what it prints. A failure or a traceback fails the test."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", str(program), stdout=PIPE, stderr=PIPE, env=environment()
    )
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    assert "Traceback" not in err.decode()
    return out.decode()
