"""Observation of other processes without sleeps: through a FIFO, and by their ends."""

import asyncio
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

PATIENCE_S = 30.0  # only a failing test waits this long


class Fifo:
    """A FIFO in a directory. The test holds both ends open, so no open waits for the other side."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = str(path)
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def release(self) -> None:
        """Let one reader of a line continue."""
        os.write(self._descriptor, b"go\n")

    async def pids(self) -> list[int]:
        """Return the pids that a tool wrote."""
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
    """Waits for the ends of processes."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._descriptors: list[int] = []
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # it was reaped, so it has ended
                self._descriptors.append(os.pidfd_open(pid))

    async def ended(self) -> None:
        """Wait until all of these processes have ended."""
        for descriptor in self._descriptors:
            await readable(descriptor)
            os.close(descriptor)
