"""`understudy` as an OS process of its own, and its output."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from agents.rehearsal import RehearsalServer

UNDERSTUDY = str(Path(sys.executable).with_name("understudy"))


class Ended(NamedTuple):
    code: int | None
    out: str
    err: str


def environment(**given: str) -> dict[str, str]:
    """Return this environment without variables that lead to a real provider."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    return {**ours, **given}


def pointing_at(server: RehearsalServer, key: str = "rehearsal") -> dict[str, str]:
    return environment(OPENAI_BASE_URL=server.base_url, OPENAI_API_KEY=key)


@asynccontextmanager
async def started(*arguments: str, env: dict[str, str]) -> AsyncIterator[Process]:
    """Run the process with three pipes within the block. It is gone afterwards."""
    process = await asyncio.create_subprocess_exec(
        UNDERSTUDY, *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=env
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def read_until(stream: asyncio.StreamReader | None, text: str) -> str:
    """Return the output up to and including text. Raises AssertionError if the output ends before."""
    assert stream is not None
    read = b""
    while text.encode() not in read:
        chunk = await stream.read(4096)
        assert chunk, f"expected {text!r}, got {read.decode()!r}"
        read += chunk
    return read.decode()


def interrupt(process: Process) -> None:
    process.send_signal(signal.SIGINT)


def living_with(mark: str) -> list[str]:
    """Return the command lines of living processes with mark in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # gone meanwhile, or another user's
            continue
    return found
