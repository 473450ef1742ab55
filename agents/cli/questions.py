"""Questions of a running turn to the person at the terminal: about calls that need an approval, and from the model.

One question is asked at a time. Meanwhile the screen draws nothing, so it never draws over the question. A question
ends without an answer when another client has decided, when its time is over, and when the turn ends.
"""

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Protocol

import msgspec
from rich.console import Console
from rich.text import Text

from agents.cli.answer import INPUT, answer_in, note_of, question_text
from agents.cli.program import Interrupts
from agents.cli.view.keys import drop_keys
from agents.cli.view.printable import one_line, printable
from agents.cli.view.screen import Screen
from agents.core.conversation import ToolCall
from agents.core.events import (
    Event,
    StreamApprovalDecided,
    StreamApprovalRequired,
    StreamSubAgent,
    StreamToolResult,
    StreamToolStart,
)
from agents.core.question import AnswerValue, Question

QUESTION = "approve? [y/N/e] "
APPROVES, DENIES, EDITS = ("y", "yes"), ("", "n", "no"), ("e", "edit")
WORDS = {*APPROVES, *DENIES, *EDITS}
EDIT = "arguments: "


class Decider(Protocol):
    """The way to decide about a call. A decision that comes too late is not an error."""

    async def approve(self, asked: StreamApprovalRequired, edited: str | None) -> str | None:
        """Approve the call with the arguments of the event, and with no others.

        edited: those to run it with. Return why the tool does not accept them; the call then still waits.
        """

    async def answer(self, asked: StreamApprovalRequired, given: AnswerValue) -> str | None:
        """Answer the question of a call. Return why the question does not accept the answer; it then still waits."""

    async def deny(self, asked: StreamApprovalRequired, reason: str) -> None:
        """Deny a call, or decline to answer its question."""


class Questions:
    """The questions of one turn. take: called with each event of the turn."""

    def __init__(self, screen: Screen, decider: Decider, interrupts: Interrupts) -> None:
        self._screen, self._decider, self._interrupts = screen, decider, interrupts
        self._waiting: deque[StreamApprovalRequired] = deque()
        self._asked: tuple[tuple[str, str], asyncio.Task[None]] | None = None

    def take(self, event: Event) -> None:
        match event.event if isinstance(event, StreamSubAgent) else event:
            case StreamApprovalRequired() as asked:
                self._waiting.append(asked)
                self._next()
            case (
                StreamApprovalDecided(call, stream_id=stream_id)
                | StreamToolStart(call, stream_id=stream_id)
                | StreamToolResult(call, stream_id=stream_id)
            ):
                self._over((stream_id, call.id))

    async def close(self) -> None:
        """End the open question."""
        self._waiting.clear()
        if self._asked is not None:
            task = self._asked[1]
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def _next(self) -> None:
        if self._asked is None and self._waiting:
            event = self._waiting.popleft()
            task = asyncio.create_task(self._ask(event))
            self._asked = _place(event), task
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._asked = None
        if not task.cancelled():
            task.result()
        self._next()

    def _over(self, place: tuple[str, str]) -> None:
        """Drop the question about a call that has been decided."""
        self._waiting = deque(event for event in self._waiting if _place(event) != place)
        if self._asked is not None and self._asked[0] == place:
            self._asked[1].cancel()

    async def _ask(self, event: StreamApprovalRequired) -> None:
        with self._screen.paused() as console:
            question = event.question
            console.print(_shown(event.tool_call) if question is None else question_text(question), soft_wrap=True)
            if note := note_of(event.kind, event.why):
                console.print(one_line(note), style="yellow")
            try:
                while (fault := await self._decided(event, console)) is not None:
                    console.print(one_line(fault), style="red")
            except KeyboardInterrupt:
                self._interrupts.interrupt()

    async def _decided(self, event: StreamApprovalRequired, console: Console) -> str | None:
        """Send the person's decision. Return why it is not accepted, or None."""
        if event.question is not None:
            with _until_decided(console):
                given = await _typed(event.question)
            if given is not None:
                return await self._decider.answer(event, given)
            await self._decider.deny(event, "")
            return None
        with _until_decided(console):
            arguments = await _answer(event.tool_call, console)
        if arguments is None:
            await self._decider.deny(event, "")
            return None
        return await self._decider.approve(event, arguments if arguments != event.tool_call.arguments else None)


def _place(event: StreamApprovalRequired) -> tuple[str, str]:
    """Return the stream and the call of a question. A sub-agent has a stream of its own."""
    return event.stream_id, event.tool_call.id


@contextmanager
def _until_decided(console: Console) -> Iterator[None]:
    """Let the person type within the block. If another client decides meanwhile, say so."""
    try:
        yield
    except asyncio.CancelledError:
        console.print("(decided elsewhere)", style="dim")
        raise


async def _typed(question: Question) -> AnswerValue | None:
    """Return the answer that the person types; None for the end of the input, which declines to answer."""
    from prompt_toolkit import PromptSession  # a pipe does not need it

    drop_keys()
    session: PromptSession[str] = PromptSession()
    try:
        return answer_in(await session.prompt_async(INPUT, handle_sigint=False), question)
    except EOFError:
        return None


async def _answer(call: ToolCall, console: Console) -> str | None:
    """Return the call's arguments as the person approves them; None for a denial."""
    from prompt_toolkit import PromptSession  # a pipe does not need it

    drop_keys()
    session: PromptSession[str] = PromptSession()
    try:
        while (word := (await session.prompt_async(QUESTION, handle_sigint=False)).strip().lower()) not in WORDS:
            console.print(f"expected y, n, e or Enter, got {one_line(word)!r}", style="red", markup=False)
        while word in EDITS:
            edited = await session.prompt_async(EDIT, default=call.arguments, handle_sigint=False)
            if edited == call.arguments or _is_json(edited):
                return edited
            console.print("expected JSON", style="red")
    except EOFError:
        return None
    return None if word in DENIES else call.arguments


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError:
        return False
    return True


def _shown(call: ToolCall) -> Text:
    """Return the call in full: a person must not approve text that is cut."""
    return Text.assemble("\n", (one_line(call.name), "bold"), " ", printable(call.arguments))


@asynccontextmanager
async def questions(screen: Screen, decider: Decider | None, interrupts: Interrupts) -> AsyncIterator[Questions | None]:
    """Ask the questions of a turn within the block. Without a person at a terminal, there are none."""
    if decider is None or not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield None
        return
    asking = Questions(screen, decider, interrupts)
    try:
        yield asking
    finally:
        await asking.close()
