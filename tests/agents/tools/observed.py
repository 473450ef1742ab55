"""What a test sees of other processes without sleeping: what they tell by a FIFO, and that they ended."""

import asyncio
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

PATIENCE_S = 30.0  # only a broken law waits this long


class Fifo:
    """A FIFO below a directory. Its test holds both ends open, so nobody waits for the other side to open it."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = str(path)
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def release(self) -> None:
        """Let one reader of a line go on."""
        os.write(self._descriptor, b"go\n")

    async def pids(self) -> list[int]:
        """The pids that a tool tells."""
        await readable(self._descriptor)
        return [int(pid) for pid in os.read(self._descriptor, 4096).split()]

    def close(self) -> None:
        os.close(self._descriptor)


async def readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        async with asyncio.timeout(PATIENCE_S):
            await ready.wait()
    finally:
        loop.remove_reader(descriptor)


class Watch:
    """The end of processes."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._descriptors: list[int] = []
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # it has ended, and was reaped
                self._descriptors.append(os.pidfd_open(pid))

    async def ended(self) -> None:
        """Return once all of them have ended."""
        for descriptor in self._descriptors:
            await readable(descriptor)
            os.close(descriptor)
