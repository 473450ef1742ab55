"""Tools that misbehave in every way, and some that don't."""

import asyncio
import ctypes
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from agents.tools.progress import progress
from agents.tools.tool import tool


@tool
async def shout(text: str) -> str:
    """Say it louder."""
    return text.upper()


@tool
def whoami() -> int:
    """The worker's process id."""
    return os.getpid()


@tool
def raises(text: str) -> str:
    """Always fails."""
    raise LookupError(f"no such thing as {text}")


@tool(timeout_s=0.2)
def hangs() -> str:
    """Never answers."""
    while True:
        time.sleep(1)


@tool(timeout_s=0.2)
async def waits() -> str:
    """Never answers, on the loop."""
    await asyncio.Event().wait()
    return "never"


def leave_mark(path: str, text: str) -> None:
    Path(path).write_text(text)


@tool
async def waits_long(mark: str) -> str:
    """Says in a file that it runs, and that it was cancelled."""
    leave_mark(mark, "running")
    try:
        await asyncio.Event().wait()
    finally:
        leave_mark(mark, "cancelled")
    return "never"


@tool
def works_long(mark: str) -> str:
    """Writes its process id to a file or a FIFO, and never answers."""
    Path(mark).write_text(str(os.getpid()))
    while True:
        time.sleep(1)


@tool
def leaves() -> str:
    """Ends its process."""
    os._exit(7)


@tool
def segfaults() -> str:
    """Reads address 0."""
    ctypes.string_at(0)
    return "never"


@tool(idempotent=True, restart="transient", max_restarts=2)
def dies_once(mark: str) -> str:
    """Kills itself the first time, and answers the second."""
    path = Path(mark)
    if path.exists():
        return "alive again"
    path.write_text("been here")
    os.kill(os.getpid(), signal.SIGKILL)
    return "never"


@tool(idempotent=True, restart="transient", max_restarts=2)
def dies_always(mark: str) -> str:
    """Counts its lives in a file."""
    with Path(mark).open("a") as file:
        file.write("x")
    os.kill(os.getpid(), signal.SIGKILL)
    return "never"


class Gate:
    """The event for which pass_gate waits, and the one of its first call."""

    opened, reached = asyncio.Event(), asyncio.Event()

    @classmethod
    def close(cls) -> None:
        cls.opened, cls.reached = asyncio.Event(), asyncio.Event()

    @classmethod
    def open(cls) -> None:
        cls.opened.set()


@tool
async def pass_gate() -> str:
    """Answers once a test has opened the gate."""
    Gate.reached.set()
    await Gate.opened.wait()
    return "passed"


@tool
async def clings() -> str:
    """Hears of no cancellation."""
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


def dear(euros: int) -> bool:
    return euros > 100


@tool(requires_approval=dear, approval_timeout_s=0.25)
async def pays(euros: int) -> str:
    """Spends money; above a hundred somebody has to allow it."""
    return f"paid {euros}"


async def counts_on_the_loop(to: int) -> str:
    """Counts, and says so."""
    for number in range(to):
        progress(number + 1)
    return "counted"


def counts_elsewhere(to: int) -> str:
    """Counts, and says so."""
    for number in range(to):
        progress(number + 1)
    return "counted"


counts = {
    "task": tool(name="counts")(counts_on_the_loop),
    "process": tool(name="counts")(counts_elsewhere),
    "thread": tool(name="counts", isolation="thread")(counts_elsewhere),
}


@tool(isolation="task", idempotent=True)
async def ends_the_program() -> str:
    """End the OS process that runs the agents."""
    os._exit(77)


@tool(isolation="task", idempotent=True)
async def holds_the_loop(mark: str) -> str:
    """Tell the named pipe, and hold the event loop until the program is killed."""
    with open(mark, "w") as pipe:  # noqa: ASYNC230 (to hold the loop is its business)
        pipe.write("holds")
    while True:
        signal.pause()


LONG_LOG = "".join(f"line {number}: all is well\n" for number in range(40_000))


@tool(idempotent=True)
async def long_log() -> str:
    """Return a long log."""
    return LONG_LOG
