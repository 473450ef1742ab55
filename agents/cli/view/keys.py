"""The keys that a person presses while a picture changes: one character at a time, without Enter and without echo."""

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Keys:
    """The pressed keys of a terminal."""

    def __init__(self) -> None:
        self._pressed: asyncio.Queue[str] = asyncio.Queue()

    def put(self, keys: str) -> None:
        for key in keys:
            self._pressed.put_nowait(key)

    async def next(self, timeout_s: float) -> str | None:
        """Return the next key, or None if none was pressed in this time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                return await self._pressed.get()
        return None


@contextmanager
def pressed_keys() -> Iterator[Keys]:
    """Read keys within the block, and restore the terminal after it. Without a terminal there are none."""
    keys = Keys()
    if not sys.stdin.isatty():
        yield keys
        return
    terminal, loop = sys.stdin.fileno(), asyncio.get_running_loop()
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal, termios.TCSADRAIN)  # keys that are already typed count
    loop.add_reader(terminal, lambda: keys.put(os.read(terminal, 64).decode(errors="ignore")))
    try:
        yield keys
    finally:
        loop.remove_reader(terminal)
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def drop_keys() -> None:
    """Drop the keys that were typed before a question: they do not answer it."""
    with suppress(termios.error):
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
