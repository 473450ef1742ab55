"""Where the messages of a conversation come from: a prompt on a terminal, else the lines of stdin."""

import asyncio
import codecs
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from threading import Thread

import click

from agents.cli.program import Interrupts, Left

PROMPT = "> "
READ_BYTES = 65536

Lines = asyncio.Queue[str | None]


def messages(interrupts: Interrupts) -> AsyncIterator[str]:
    """The user's messages up to Ctrl-D or the end of stdin; blank ones are left out."""
    return typed(interrupts) if sys.stdin.isatty() and sys.stdout.isatty() else piped(sys.stdin.fileno())


async def typed(interrupts: Interrupts) -> AsyncIterator[str]:
    """Ctrl-C drops the line that is being written; a second one raises Left."""
    from prompt_toolkit import PromptSession  # not for those who pipe

    session: PromptSession[str] = PromptSession()
    while True:
        try:
            line = await session.prompt_async(PROMPT, handle_sigint=False)
        except EOFError:
            return
        except KeyboardInterrupt:
            interrupts.count += 1
            if interrupts.count > 1:
                raise Left from None
            click.echo("(Ctrl-C again or Ctrl-D leaves)")
            continue
        if line.strip():
            yield line


async def piped(descriptor: int) -> AsyncIterator[str]:
    """The lines as they come.

    A thread reads them, for a regular file can't be waited for as a pipe can. It is a daemon, for a read that waits
    can't be cancelled; and it reads the descriptor, for sys.stdin's lock must be free when the interpreter ends.
    """
    lines: Lines = asyncio.Queue()
    Thread(target=_read, args=(descriptor, asyncio.get_running_loop(), lines), daemon=True).start()
    while (line := await lines.get()) is not None:
        if line.strip():
            yield line


def _read(descriptor: int, loop: asyncio.AbstractEventLoop, lines: Lines) -> None:
    with suppress(RuntimeError):  # the loop has been closed: nobody wants the rest
        for line in _lines(descriptor):
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, None)


def _lines(descriptor: int) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    begun = ""
    while chunk := os.read(descriptor, READ_BYTES):
        *whole, begun = (begun + decoder.decode(chunk)).split("\n")
        yield from whole
    yield begun + decoder.decode(b"", final=True)
