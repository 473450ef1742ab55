"""The user's messages: from a prompt on a terminal, else from the lines of stdin."""

import asyncio
import codecs
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from threading import Thread

from agents.cli.printing import say
from agents.cli.program import Interrupts, Left, Unreadable

PROMPT = "> "
READ_BYTES = 65536
SHOWN_BYTES = 20  # shown of the line on each side of the faulty bytes

Lines = asyncio.Queue["str | None | Unreadable"]


def at_terminal() -> bool:
    """Return whether a person types the messages and sees the answers."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def messages(interrupts: Interrupts) -> AsyncIterator[str]:
    """Yield the user's messages until Ctrl-D or the end of stdin. Blank messages are left out."""
    if at_terminal():
        return typed(interrupts)
    return piped(sys.stdin.fileno(), _encoding(sys.stdin.encoding))


def _encoding(of_locale: str) -> str:
    """Return the locale's encoding. ASCII means that no locale is set: read UTF-8, which contains it."""
    return "utf-8" if codecs.lookup(of_locale).name == "ascii" else of_locale


async def typed(interrupts: Interrupts) -> AsyncIterator[str]:
    """Yield the lines typed at a prompt. Ctrl-C drops the current line; a second Ctrl-C raises Left."""
    from prompt_toolkit import PromptSession  # a pipe does not need it

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
            say("(Ctrl-C again or Ctrl-D ends the chat)")
            continue
        if line.strip():
            yield line


async def whole_stdin() -> str:
    """Return all of stdin as one message, without the line breaks at its end. Raises Unreadable."""
    lines = [line async for line in _lines_of(sys.stdin.fileno(), _encoding(sys.stdin.encoding))]
    message = "\n".join(lines).rstrip("\r\n")
    if not message.strip():
        raise Unreadable("stdin: expected a message, got none")
    return message


async def piped(descriptor: int, encoding: str) -> AsyncIterator[str]:
    """Yield the lines of the descriptor that are not blank, as they arrive. Raises Unreadable."""
    async for line in _lines_of(descriptor, encoding):
        if line.strip():
            yield line


async def _lines_of(descriptor: int, encoding: str) -> AsyncIterator[str]:
    """Yield the lines of the descriptor as they arrive. Raises Unreadable.

    A thread reads, because a regular file can't be awaited as a pipe can. The thread is a daemon thread, because a
    blocked read can't be cancelled. It reads the descriptor, because sys.stdin's lock must be free when the interpreter
    ends.
    """
    lines: Lines = asyncio.Queue()
    Thread(target=_read, args=(descriptor, encoding, asyncio.get_running_loop(), lines), daemon=True).start()
    while (line := await lines.get()) is not None:
        if isinstance(line, Unreadable):
            raise line
        yield line


def _read(descriptor: int, encoding: str, loop: asyncio.AbstractEventLoop, lines: Lines) -> None:
    end: Unreadable | None = None
    with suppress(RuntimeError):  # the loop is closed: nothing reads the rest
        try:
            for number, line in enumerate(_lines(descriptor), 1):
                loop.call_soon_threadsafe(lines.put_nowait, _text(line, encoding, number))
        except Unreadable as fault:
            end = fault
        except OSError as error:
            end = Unreadable(f"stdin: expected a file or a pipe to read, got: {error.strerror}")
        loop.call_soon_threadsafe(lines.put_nowait, end)


def _lines(descriptor: int) -> Iterator[bytes]:
    begun: list[bytes] = []  # the pieces of the last line: to join them for each chunk would cost their square
    while chunk := os.read(descriptor, READ_BYTES):
        end, *more = chunk.split(b"\n")
        begun.append(end)
        if more:
            *whole, last = (b"".join(begun), *more)
            yield from whole
            begun = [last]
    yield b"".join(begun)


def _text(line: bytes, encoding: str, number: int) -> str:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError as fault:
        shown = line[max(0, fault.start - SHOWN_BYTES) : fault.end + SHOWN_BYTES]
        raise Unreadable(f"stdin, line {number}: expected text in {encoding}, got {shown!r}") from None
