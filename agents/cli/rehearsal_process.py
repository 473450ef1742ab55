"""The rehearsal server as an OS process of its own, within a block."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

START_TIMEOUT_S = 15.0
ANNOUNCES = "rehearsal server on "


class RehearsalFailed(Exception):
    """The server did not start. The text is the server's output on stderr."""


class Rehearsal(Struct, frozen=True):
    """The address of a running server, and its OS process."""

    base_url: str
    os_pid: int


@asynccontextmanager
async def rehearsal(script: Path) -> AsyncIterator[Rehearsal]:
    """Run a server that plays the script on a free loopback port, within the block.

    The server has its own session, so that Ctrl-C on the terminal reaches the caller only. -P: the user's folder
    `agents` must not hide this package.
    """
    command = (sys.executable, "-P", "-m", "agents.rehearsal", "--port", "0", "--script", str(script))
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, start_new_session=True)
    try:
        yield Rehearsal(await _base_url(process), process.pid)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _base_url(process: Process) -> str:
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            line = (await process.stdout.readline()).decode(errors="replace").strip()
            if not line.startswith(ANNOUNCES):
                raise RehearsalFailed(
                    (await process.stderr.read()).decode(errors="replace").strip() or "its stderr was empty"
                )
    except TimeoutError:
        raise RehearsalFailed(f"the server does not listen after {START_TIMEOUT_S:g} s") from None
    return line.removeprefix(ANNOUNCES)
