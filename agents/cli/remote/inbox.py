"""`understudy inbox`: everything that waits for a person, over all sessions. At a terminal it is decided in place."""

import asyncio
from contextlib import suppress
from typing import Any, Final

import click
import msgspec

from agents.cli.answer import answer_in, note_of, question_text
from agents.cli.conversation import at_terminal
from agents.cli.listing import duration_of, json_option, say_json
from agents.cli.printing import complain, say
from agents.cli.remote.chat import Decisions
from agents.cli.remote.connection import ask, daemon_options
from agents.cli.remote.waiting import at_deadline, command, described_calls, wanted
from agents.cli.view.keys import drop_keys
from agents.cli.view.printable import one_line
from agents.client import Client
from agents.core.events import StreamApprovalRequired
from agents.instance.running import WaitingCall

PAUSE_S: Final = 2.0  # between two looks of --watch
APPROVE: Final = "approve? [y/n, Enter: later] "
ANSWER: Final = "answer [Enter: later]: "


@click.command()
@click.option("--watch", is_flag=True, help="Go on, and show each new item as it comes, until Ctrl-C.")
@json_option
@daemon_options
def inbox(watch: bool, as_json: bool, **options: Any) -> None:
    """Show what waits for a person, the oldest first, and the command that decides each.

    At a terminal and without --json, decide each in place: Enter leaves it, Ctrl-D ends.
    """

    async def work(client: Client) -> None:
        with suppress(EOFError):
            await _look(client, watch, as_json=as_json)

    ask(options, work)


async def _look(client: Client, watch: bool, *, as_json: bool) -> None:
    shown: set[tuple[str, str, float]] = set()
    while True:
        described = sorted([each async for each in described_calls(client)], key=lambda each: each["asked_at"])
        waiting = msgspec.convert(described, list[WaitingCall])
        places = [_place(each) for each in waiting]
        for place, raw, each in zip(places, described, waiting, strict=True):
            if place in shown:
                continue
            shown.add(place)
            if as_json:
                say_json([raw])
            else:
                await _show(client, each)
        if not (waiting or watch or as_json):
            say("nothing waits for a person")
        if not watch:
            return
        shown.intersection_update(places)
        await asyncio.sleep(PAUSE_S)


async def _show(client: Client, waiting: WaitingCall) -> None:
    """Print the item. At a terminal, ask the person about it."""
    say(_item(waiting))
    if at_terminal():
        await _decided(client, waiting)


def _place(waiting: WaitingCall) -> tuple[str, str, float]:
    """Return what names an item also after a restart. A call may wait again, for its next question."""
    return waiting.stream_id, waiting.tool_call.id, waiting.deadline


def _item(waiting: WaitingCall) -> str:
    """Return the lines of one item: who waits since when, for what, and the command that decides it."""
    owner = f" of {one_line(waiting.owner)}" if waiting.owner is not None else ""
    since_s = max(0.0, waiting.deadline - waiting.asked_at - waiting.expires_in_s)
    head = f"{waiting.agent_id}{owner}: waits {duration_of(since_s)}"
    until = f"{at_deadline(waiting)} in {duration_of(waiting.expires_in_s)}{', parked' if waiting.parked else ''}"
    lines = filter(None, (wanted(waiting), one_line(note_of(waiting.kind, waiting.why)), command(waiting)))
    return "\n    ".join([f"{head}, {until}", *lines])


async def _decided(client: Client, waiting: WaitingCall) -> None:
    """Ask the person at the terminal until the item is decided, or left. Raises EOFError at the end of the input."""
    decisions, question = Decisions(client), waiting.question
    asked = StreamApprovalRequired(
        waiting.tool_call, waiting.expires_in_s, question=question, stream_id=waiting.stream_id
    )
    if question is None:
        while (word := (await _typed(APPROVE)).lower()) not in ("", "y", "yes", "n", "no"):
            complain(f"expected y, n or Enter, got {one_line(word)!r}")
        if word in ("n", "no"):
            await decisions.deny(asked, "")
        elif word and (fault := await decisions.approve(asked, None)) is not None:
            complain(one_line(fault))
        return
    say(question_text(question).plain.strip())
    while typed := await _typed(ANSWER):
        if (fault := await decisions.answer(asked, answer_in(typed, question))) is None:
            return
        complain(one_line(fault))


async def _typed(prompt: str) -> str:
    from prompt_toolkit import PromptSession  # a pipe does not need it

    drop_keys()
    session: PromptSession[str] = PromptSession()
    return (await session.prompt_async(prompt)).strip()
