"""`understudy inbox`: everything that waits for a person, over all sessions. At a terminal it is decided in place."""

import asyncio
import sys
from contextlib import suppress
from typing import Any, Final

import click

from agents.cli.answer import answer_in, question_text
from agents.cli.printing import complain, say
from agents.cli.remote.chat import Decisions
from agents.cli.remote.connection import ask, daemon_options
from agents.cli.remote.waiting import at_deadline, command, waiting_calls, wanted
from agents.cli.view.printable import one_line
from agents.client import Client
from agents.core.events import StreamApprovalRequired
from agents.instance.running import WaitingCall

PAUSE_S: Final = 2.0  # between two looks of --watch
APPROVE: Final = "approve? [y/n, Enter: later] "
ANSWER: Final = "answer [Enter: later]: "
UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


@click.command()
@click.option("--watch", is_flag=True, help="Go on, and show each new item as it comes, until Ctrl-C.")
@daemon_options
def inbox(watch: bool, **options: Any) -> None:
    """Show what waits for a person, the oldest first, and the command that decides each.

    At a terminal, decide each in place: Enter leaves it, Ctrl-D ends.
    """

    async def work(client: Client) -> None:
        with suppress(EOFError):
            await _look(client, watch)

    ask(options, work)


async def _look(client: Client, watch: bool) -> None:
    shown: set[tuple[str, str, float]] = set()
    while True:
        waiting = sorted(await waiting_calls(client), key=lambda each: each.asked_at)
        for each in waiting:
            if (place := _place(each)) not in shown:
                shown.add(place)
                say(_item(each))
                if sys.stdin.isatty() and sys.stdout.isatty():
                    await _decided(client, each)
        if not waiting and not watch:
            say("nothing waits for a person")
        if not watch:
            return
        shown &= set(map(_place, waiting))
        await asyncio.sleep(PAUSE_S)


def _place(waiting: WaitingCall) -> tuple[str, str, float]:
    """Return what names an item also after a restart. A call may wait again, for its next question."""
    return waiting.stream_id, waiting.tool_call.id, waiting.deadline


def _item(waiting: WaitingCall) -> str:
    """Return the lines of one item: who waits since when, for what, and the command that decides it."""
    owner = f" of {one_line(waiting.owner)}" if waiting.owner is not None else ""
    since_s = max(0.0, waiting.deadline - waiting.asked_at - waiting.expires_in_s)
    head = f"{waiting.agent_id}{owner}: waits {_duration(since_s)}"
    until = f"{at_deadline(waiting)} in {_duration(waiting.expires_in_s)}{', parked' if waiting.parked else ''}"
    return f"{head}, {until}\n    {wanted(waiting)}\n    {command(waiting)}"


def _duration(seconds: float) -> str:
    """Return the time in its two largest units."""
    left, words = int(seconds), []
    for size, unit in UNITS:
        if left >= size:
            words.append(f"{left // size} {unit}")
            left %= size
    return " ".join(words[:2]) or "0 s"


async def _decided(client: Client, waiting: WaitingCall) -> None:
    """Ask the person at the terminal until the item is decided, or left. Raises EOFError at the end of the input."""
    decisions, question = Decisions(client), waiting.question
    asked = StreamApprovalRequired(
        waiting.tool_call, waiting.expires_in_s, question=question, stream_id=waiting.stream_id
    )
    if question is None:
        word = (await _typed(APPROVE)).lower()
        if word in ("y", "yes"):
            await decisions.approve(asked, None)
        elif word in ("n", "no"):
            await decisions.deny(asked, "")
        return
    say(question_text(question).plain.strip())
    while typed := await _typed(ANSWER):
        if (fault := await decisions.answer(asked, answer_in(typed, question))) is None:
            return
        complain(one_line(fault))


async def _typed(prompt: str) -> str:
    from prompt_toolkit import PromptSession  # a pipe does not need it

    session: PromptSession[str] = PromptSession()
    return (await session.prompt_async(prompt)).strip()
