"""A command that runs on a loop: its signals, its exit code, and the line that says what was wrong.

The first Ctrl-C cancels the turn that runs, the second one leaves; with no turn to cancel, the first one leaves.
Leaving ends all processes in order, which is quick and is not interrupted.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import click

from actors import CallFailed, Pid, ProcessError, new_event_loop
from agents import agent
from agents.cli import INTERRUPTED, WRONG_USE
from agents.cli.view.printable import one_line
from agents.cli.view.reports import Reports
from agents.log_setup import set_up_logging
from agents.redaction import secrets_in
from agents.settings import LogSettings

ENDING = (signal.SIGTERM, signal.SIGHUP)


class Left(Exception):
    """The user leaves the program."""


class Interrupts:
    """What signals do to a running command. count: of Ctrl-C, since the last turn began."""

    def __init__(self) -> None:
        self.count = 0
        self.code = INTERRUPTED
        self._turn: Pid | None = None
        self._leaving = False
        self._loop = asyncio.get_running_loop()
        self._main = asyncio.current_task()
        self._cancelling: asyncio.Task[None] | None = None
        self._loop.add_signal_handler(signal.SIGINT, self._interrupted)
        for number in ENDING:
            self._loop.add_signal_handler(number, self._leave, 128 + number)

    @contextmanager
    def cancel(self, pid: Pid) -> Iterator[None]:
        """Within the block, the first Ctrl-C cancels the agent's turn."""
        self._turn, self.count = pid, 0
        try:
            yield
        finally:
            self._turn = None

    @contextmanager
    def until_the_end(self) -> Iterator[None]:
        """What follows the block ends what was started before it: signals do nothing more."""
        try:
            yield
        finally:
            self._leaving = True

    def _interrupted(self) -> None:
        self.count += 1
        if self._turn is not None and self.count == 1:
            self._cancelling = self._loop.create_task(_cancel(self._turn))
        else:
            self._leave(INTERRUPTED)

    def _leave(self, code: int) -> None:
        if not self._leaving and self._main is not None:
            self._leaving = True
            self.code = code
            self._main.cancel()


@dataclass(frozen=True)
class Program:
    """What the parts of a running command share."""

    interrupts: Interrupts
    reports: Reports


def run(main: Callable[[Program], Awaitable[int]]) -> int:
    """Run a command's coroutine function to its exit code. What it started has ended then, however it ends."""
    for out in (sys.stdout, sys.stderr):
        out.reconfigure(errors="replace")  # type: ignore[union-attr]  # a model says what an encoding may not hold
    set_up_logging(LogSettings(level="warning"), secrets_in(os.environ))
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        code = runner.run(_guarded(main))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the exit code stands, the interpreter only has to clean up
    return code


def refuse(*lines: str) -> int:
    """Say on stderr what was wrong, a line each; the exit code for it."""
    for line in lines:
        click.echo(f"understudy: {one_line(line)}", err=True)
    return WRONG_USE


async def _cancel(pid: Pid) -> None:
    with suppress(CallFailed):  # the agent has ended, and its turn with it
        await agent.cancel(pid)


async def _guarded(main: Callable[[Program], Awaitable[int]]) -> int:
    interrupts = Interrupts()
    try:
        with Reports() as reports:
            return await main(Program(interrupts, reports))
    except (asyncio.CancelledError, Left):
        return interrupts.code
    except ProcessError as failed:
        return refuse(str(failed))
