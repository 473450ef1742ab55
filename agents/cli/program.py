"""A command that runs on an event loop: its signals, its exit code, and its line for an error.

The first Ctrl-C cancels the running turn, the second ends the program. Without a running turn, the first one ends it.
The program then ends all processes in order; this is quick, and no signal interrupts it.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from actors import ProcessError, new_event_loop
from agents.cli.exit_codes import ExitCode
from agents.cli.refusal import fail
from agents.cli.view.reports import Reports
from agents.node.log_setup import set_up_logging
from agents.node.redaction import secrets_in
from agents.settings import LogSettings

Cancel: TypeAlias = Callable[[], Coroutine[Any, Any, None]]

ENDING = (signal.SIGTERM, signal.SIGHUP)


class Left(Exception):
    """The user ended the program."""


class Unreadable(Exception):
    """Stdin can't be read, contains bytes that can't be decoded, or has no message."""


class Interrupts:
    """The signal handlers of a running command.

    count: the number of Ctrl-C since the current turn began.
    """

    def __init__(self) -> None:
        self.count = 0
        self.code: int = ExitCode.INTERRUPTED
        self._turn: Cancel | None = None
        self._leaving = False
        self._loop = asyncio.get_running_loop()
        self._main = asyncio.current_task()
        self._cancelling: asyncio.Task[None] | None = None
        self._loop.add_signal_handler(signal.SIGINT, self.interrupt)
        for number in ENDING:
            self._loop.add_signal_handler(number, self._leave, 128 + number)

    @contextmanager
    def cancel(self, turn: Cancel) -> Iterator[None]:
        """Let the first Ctrl-C cancel the turn within the block."""
        self._turn, self.count = turn, 0
        try:
            yield
        finally:
            self._turn = None

    @contextmanager
    def until_the_end(self) -> Iterator[None]:
        """Ignore signals after the block: the code that follows ends all processes."""
        try:
            yield
        finally:
            self._leaving = True

    def interrupt(self) -> None:
        """Act as for a Ctrl-C. A prompt reads that key itself, so no signal comes."""
        self.count += 1
        if self._turn is not None and self.count == 1:
            self._cancelling = self._loop.create_task(self._turn())
        else:
            self._leave(ExitCode.INTERRUPTED)

    def _leave(self, code: int) -> None:
        if not self._leaving and self._main is not None:
            self._leaving = True
            self.code = code
            self._main.cancel()


@dataclass(frozen=True)
class Program:
    """The objects that the parts of a running command share."""

    interrupts: Interrupts
    reports: Reports


def run(main: Callable[[Program], Awaitable[int]]) -> int:
    """Run a command's coroutine function and return its exit code. All its processes have ended then."""
    set_up_logging(LogSettings(level="warning"), secrets_in(os.environ))
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        code = runner.run(_guarded(main))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the exit code is final; only the interpreter's cleanup follows
    return code


async def _guarded(main: Callable[[Program], Awaitable[int]]) -> int:
    interrupts = Interrupts()
    try:
        with Reports() as reports:
            return await main(Program(interrupts, reports))
    except (asyncio.CancelledError, Left):
        return interrupts.code
    except (ProcessError, Unreadable) as failed:
        return fail(failed)
