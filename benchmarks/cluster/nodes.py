"""Nodes as a benchmark commands them, and the CPU time of each while streams run."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Self

import msgspec
from msgspec import Struct

from benchmarks.cluster.database import as_argument
from benchmarks.cluster.node import Begin, Command, Leave, Read
from benchmarks.cluster.programs import Program
from benchmarks.workload import Load, Measured

PROGRAM: Final = "benchmarks.cluster.node"


class Node:
    """A running node."""

    def __init__(self, program: Program) -> None:
        self.program = program

    @classmethod
    @asynccontextmanager
    async def running(cls, settings: Mapping[str, Any], base_url: str) -> AsyncIterator[Self]:
        async with Program.running(PROGRAM, as_argument(settings), base_url) as program:
            node = cls(program)
            await node.figures()
            yield node

    async def figures(self) -> Measured:
        """Return the next line of figures."""
        return msgspec.json.decode(await self.program.line(), type=Measured)

    async def do(self, command: Command) -> Measured:
        """Return the first line that answers the command."""
        self.program.send(msgspec.json.encode(command))
        return await self.figures()

    async def begin(self, group: str, load: Load) -> None:
        await self.do(Begin(group, load.streams, load.model))


class Shares(Struct, frozen=True):
    """The CPU time of each program for a token of a window in which all streams ran, in us.

    frame: the tokens of a frame from another node. delays: the last figures of the reader.
    """

    us: list[float]
    frame: float
    delays: Measured


async def shares(reader: Node, command: Read | Leave, programs: list[Program]) -> Shares:
    """Let a node read, and measure these programs from the last stream's begin to the first one's end."""
    first = await reader.do(command)
    before_s = [program.cpu_s for program in programs]
    last = await reader.figures()
    after_s = [program.cpu_s for program in programs]
    tokens = last["tokens"] - first["tokens"]
    us = [(after - before) / tokens * 1e6 for before, after in zip(before_s, after_s, strict=True)]
    frames = last.get("frames", 0) - first.get("frames", 0)
    return Shares(us, tokens / frames if frames else 0.0, await reader.figures())
