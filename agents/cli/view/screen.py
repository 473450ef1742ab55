"""The two displays of the view: a live terminal, and plain lines for a pipe or a file.

with open_screen(sys.stdout, sys.stderr) as screen:
    async for event in agent.stream(pid, message):
        screen.show(event)
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, Self, TextIO

from rich.console import Console, RenderableType
from rich.live import Live

from agents.cli.view import layout
from agents.cli.view.printable import one_line, printable
from agents.cli.view.view import Block, Note, View, close, step
from agents.core.conversation import ToolCall
from agents.core.events import (
    Event,
    StreamApprovalDecided,
    StreamApprovalRequired,
    StreamCompacted,
    StreamComplete,
    StreamFunctionCallComplete,
    StreamHandoff,
    StreamReset,
    StreamSubAgent,
    StreamToken,
    StreamToolResult,
    StreamWarning,
    ToolResult,
)

FRAME_S = 0.08


class Screen(AbstractContextManager["Screen"], Protocol):
    """A display of one turn. The block's end completes the output and stops the drawing."""

    def show(self, happened: Event | Note) -> None: ...

    def paused(self) -> AbstractContextManager[Console]:
        """Draw nothing within the block, in which a question is on the screen. The console prints the question."""


def open_screen(out: TextIO, about: TextIO, *, markdown: bool = False) -> Screen:
    """Return a live terminal if out is one, else plain lines.

    The lines go to out for the answer and to about for everything else. markdown: a terminal formats the answer.
    """
    console = Console(file=out, highlight=False)
    return (
        Terminal(console, markdown=markdown)
        if console.is_terminal and not console.is_dumb_terminal
        else Lines(out, about)
    )


class Terminal:
    """A live display. The loop that shows the events draws it once per frame, however many tokens arrive.

    now_s: returns monotonic seconds; by default the loop's clock.
    """

    def __init__(self, console: Console, now_s: Callable[[], float] | None = None, *, markdown: bool = False) -> None:
        self._console = console
        self._now_s = now_s or asyncio.get_running_loop().time
        self._view = View(markdown=markdown)
        self._live: Live | None = None
        self._held: list[Block] = []  # finished while the display is paused
        self._next_frame: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._view, finished = close(self._view)
        self._stop()
        self._print((*self._held, *finished))

    def show(self, happened: Event | Note) -> None:
        self._view, finished = step(self._view, happened, self._now_s())
        if self._live is None:
            self._held += finished
        else:
            self._print(finished)

    @contextmanager
    def paused(self) -> Iterator[Console]:
        self._stop()
        try:
            yield self._console
        finally:
            held, self._held = tuple(self._held), []
            self._print(held)
            self._start()

    def _start(self) -> None:
        self._live = Live(console=self._console, auto_refresh=False, transient=True, get_renderable=self._frame)
        self._live.start()
        self._draw()

    def _stop(self) -> None:
        """Erase the unfinished part, and draw no more."""
        if self._next_frame is not None:
            self._next_frame.cancel()
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _print(self, finished: tuple[Block, ...]) -> None:
        for each in finished:
            self._console.print(layout.block(each, markdown=self._view.markdown))

    def _frame(self) -> RenderableType:
        return layout.live(self._view, self._now_s())

    def _draw(self) -> None:
        assert self._live is not None
        self._live.refresh()
        self._next_frame = asyncio.get_running_loop().call_later(FRAME_S, self._draw)


class Lines:
    """Plain lines without control codes, written as events arrive. Only the model's text goes to out."""

    def __init__(self, out: TextIO, about: TextIO) -> None:
        self._out, self._about = out, about
        self._in_line = False
        self._has_output = False  # output of the current model call
        self._waiting: list[str] = []
        self._held: list[Event | Note] | None = None  # while the output is paused

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end_line()

    @contextmanager
    def paused(self) -> Iterator[Console]:
        self._end_line()
        held = self._held = []
        try:
            yield Console(file=self._about, highlight=False)
        finally:
            self._held = None
            for happened in held:
                self.show(happened)

    def show(self, happened: Event | Note) -> None:
        if self._held is not None:
            self._held.append(happened)
        else:
            self._show(happened)

    def _show(self, happened: Event | Note) -> None:
        match happened:
            case StreamToken(token):
                self._has_output = True
                self._write(printable(token))
            case StreamFunctionCallComplete(call):
                self._has_output = True
                self._write_about(f"-> {_title(call)}")
            case StreamToolResult(call, result):
                self._has_output = False
                self._write_about(f"<- {_ending(call, result)}")
            case StreamReset(reason) if self._has_output:
                self._has_output = False
                self._write_about(f"[the last output is void; the model is asked again: {one_line(str(reason))}]")
            case StreamWarning(reason):
                self._write_about(f"[some of the answer may be missing: {one_line(str(reason))}]")
            case StreamCompacted():
                self._write_about(f"[{happened}]")
            case StreamApprovalRequired(call, question=question):
                self._write_about(f"?? {one_line(question.text) if question else f'{_title(call)} waits for approval'}")
            case StreamApprovalDecided(call, decision, by):
                self._write_about(f"?? {one_line(call.name)} is {decision}{f' by {one_line(by)}' if by else ''}")
            case StreamHandoff(speaker):
                self._write_about(f"[{one_line(speaker)} speaks]")
            case StreamSubAgent(path, StreamFunctionCallComplete(call)):
                self._write_about(f"{'   ' * len(path)}-> {_title(call)}")
            case StreamSubAgent(path, StreamToolResult(call, result)):
                self._write_about(f"{'   ' * len(path)}<- {_ending(call, result)}")
            case StreamSubAgent(path, StreamApprovalRequired(call, question=question)):
                wanted = one_line(question.text) if question else f"{_title(call)} waits for approval"
                self._write_about(f"{'   ' * len(path)}?? {wanted}")
            case StreamComplete(response):
                self._write_about(f"[{layout.figures(response)}]")
            case Note(text, report):
                self._note(f"   {one_line(text)}" if report else printable(text))

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
        self._in_line = not text.endswith("\n")
        if not self._in_line:
            self._end_line()

    def _note(self, line: str) -> None:
        """Write the note after the model's current line, so that it does not split a sentence."""
        if self._in_line:
            self._waiting.append(line)
        else:
            self._write_about(line)

    def _write_about(self, line: str) -> None:
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
            self._write_about(line)


def _title(call: ToolCall) -> str:
    return f"{one_line(call.name)} {one_line(call.arguments)}"


def _ending(call: ToolCall, result: ToolResult) -> str:
    return f"{one_line(call.name)} {result.elapsed_s:.2f} s: {layout.outcome(result)}"
