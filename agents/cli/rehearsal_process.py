"""The rehearsal server as an OS process of its own, for as long as a block runs."""

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
    """The server did not start. Its text: what it said on stderr."""


class Rehearsal(Struct, frozen=True):
    """Where the server listens, and the OS process that it is."""

    base_url: str
    os_pid: int


@asynccontextmanager
async def rehearsal(script: Path) -> AsyncIterator[Rehearsal]:
    """A server that plays the script on a free loopback port; it is gone when the block has been left.

    It has its own session, so that Ctrl-C on the terminal is the caller's alone. -P: no folder named agents of the
    user's comes before ours.
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
                    (await process.stderr.read()).decode(errors="replace").strip() or "it said nothing"
                )
    except TimeoutError:
        raise RehearsalFailed(f"it does not listen after {START_TIMEOUT_S:g} s") from None
    return line.removeprefix(ANNOUNCES)
