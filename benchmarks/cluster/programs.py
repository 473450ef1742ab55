"""OS processes that a benchmark starts, and commands by lines."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self

from benchmarks.daemon import cpu_s

START_S = 120.0
LINE_S = 300.0


class Program:
    """A running OS process of this project's Python."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @classmethod
    @asynccontextmanager
    async def running(cls, module: str, *arguments: str) -> AsyncIterator[Self]:
        """Run `python -m module arguments`. At the end of the block its stdin closes, and then it is killed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *arguments, stdin=PIPE, stdout=PIPE, env=os.environ | {"PYTHONHASHSEED": "0"}
        )
        try:
            yield cls(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(10):
                    await process.wait()
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def cpu_s(self) -> float:
        """The CPU time of its living threads."""
        return cpu_s(self.pid)

    def send(self, line: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + b"\n")

    async def line(self) -> bytes:
        """Return the next line that it writes."""
        assert self._process.stdout is not None
        async with asyncio.timeout(LINE_S):
            line = await self._process.stdout.readline()
        assert line, f"pid {self.pid} has ended"
        return line.rstrip()
