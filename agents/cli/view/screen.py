"""The two shells of the view: a live terminal, and plain lines for a pipe or a file.

with open_screen() as screen:
    async for event in agent.stream(pid, message):
        screen.show(event)
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, Self, TextIO

from rich.console import Console, RenderableType
from rich.live import Live

from agents.cli.view import layout
from agents.cli.view.printable import one_line, printable
from agents.cli.view.view import Block, Note, View, close, step
from agents.core.conversation import ToolCall
from agents.core.events import (
    Event,
    StreamApprovalRequired,
    StreamComplete,
    StreamFunctionCallComplete,
    StreamReset,
    StreamToken,
    StreamToolResult,
    StreamWarning,
    ToolResult,
)

FRAME_S = 0.08


class Screen(AbstractContextManager["Screen"], Protocol):
    """Shows one turn. At the end of the block all of it is there, and nothing is drawn any more."""

    def show(self, happened: Event | Note) -> None: ...


def open_screen(out: TextIO, about: TextIO) -> Screen:
    """A live terminal if out is one, else plain lines: the answer to out, all that is about it to about."""
    console = Console(file=out, highlight=False)
    return Terminal(console) if console.is_terminal and not console.is_dumb_terminal else Lines(out, about)


class Terminal:
    """Draws what changes once a frame, however many tokens came, on the loop that shows the events.

    now_s: monotonic seconds; the loop's clock unless given.
    """

    def __init__(self, console: Console, now_s: Callable[[], float] | None = None) -> None:
        self._console = console
        self._now_s = now_s or asyncio.get_running_loop().time
        self._view = View()
        self._live = Live(console=console, auto_refresh=False, transient=True, get_renderable=self._frame)
        self._next_frame: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._live.start()
        self._draw()
        return self

    def __exit__(self, *_: object) -> None:
        if self._next_frame is not None:
            self._next_frame.cancel()
        self._view, finished = close(self._view)
        self._live.stop()
        self._print(finished)

    def show(self, happened: Event | Note) -> None:
        self._view, finished = step(self._view, happened, self._now_s())
        self._print(finished)

    def _print(self, finished: tuple[Block, ...]) -> None:
        for each in finished:
            self._console.print(layout.block(each))

    def _frame(self) -> RenderableType:
        return layout.live(self._view, self._now_s())

    def _draw(self) -> None:
        self._live.refresh()
        self._next_frame = asyncio.get_running_loop().call_later(FRAME_S, self._draw)


class Lines:
    """Writes each thing as it happens, without control codes. out holds the model's text alone, if about is another."""

    def __init__(self, out: TextIO, about: TextIO) -> None:
        self._out, self._about = out, about
        self._in_line = False
        self._said = False  # something of the present model call
        self._waiting: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end_line()

    def show(self, happened: Event | Note) -> None:
        match happened:
            case StreamToken(token):
                self._said = True
                self._write(printable(token))
            case StreamFunctionCallComplete(call):
                self._said = True
                self._tell(f"-> {_title(call)}")
            case StreamToolResult(call, result):
                self._said = False
                self._tell(f"<- {_ending(call, result)}")
            case StreamReset(reason) if self._said:
                self._said = False
                self._tell(f"[what it said last is void, it is asked again: {one_line(str(reason))}]")
            case StreamWarning(reason):
                self._tell(f"[some of the answer may be missing: {one_line(str(reason))}]")
            case StreamApprovalRequired(call):
                self._tell(f"?? {_title(call)} waits for approval")
            case StreamComplete(response):
                self._tell(f"[{layout.figures(response)}]")
            case Note(text, report):
                self._note(f"   {one_line(text)}" if report else printable(text))

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
        self._in_line = not text.endswith("\n")
        if not self._in_line:
            self._end_line()

    def _note(self, line: str) -> None:
        """A note waits for the end of the model's line: it must not cut a sentence in two."""
        if self._in_line:
            self._waiting.append(line)
        else:
            self._tell(line)

    def _tell(self, line: str) -> None:
        self._end_line()
        self._about.write(f"{line}\n")
        self._about.flush()

    def _end_line(self) -> None:
        if self._in_line:
            self._in_line = False
            self._out.write("\n")
            self._out.flush()
        waiting, self._waiting = self._waiting, []
        for line in waiting:
            self._tell(line)


def _title(call: ToolCall) -> str:
    return f"{one_line(call.name)} {one_line(call.arguments)}"


def _ending(call: ToolCall, result: ToolResult) -> str:
    return f"{one_line(call.name)} {result.elapsed_s:.2f} s: {layout.outcome(result)}"
