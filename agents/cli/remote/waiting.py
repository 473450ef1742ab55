"""The calls that wait for a person: `understudy approvals`, and the items of `understudy inbox`."""

from collections.abc import AsyncIterator
from functools import partial
from shlex import quote
from typing import Any

import click
import msgspec

from agents.cli.answer import note_of
from agents.cli.listing import NOTHING, duration_of, json_option, say_json, say_table
from agents.cli.printing import say
from agents.cli.remote.completion import completed
from agents.cli.remote.connection import ask, daemon_options, place_given
from agents.cli.remote.ids import by_id, standing_approvals
from agents.cli.view.printable import one_line
from agents.cli.view.table import Column
from agents.client import Client
from agents.client.paths import path
from agents.contract.watch import StandingApprovals
from agents.core.standing import StandingApproval
from agents.instance.running import WaitingCall

STANDING_COLUMNS = (
    Column("ID"),
    Column("AGENT"),
    Column("TOOL"),
    Column("ARGUMENTS", least=9),
    Column("SESSION", rank=1),
    Column("BY", rank=2),
)


@click.command()
@click.option("--always", is_flag=True, help="List the standing approvals: those of later calls.")
@click.option(
    "--revoke",
    metavar="ID",
    shell_complete=completed(standing_approvals),
    help="Revoke a standing approval: later calls wait again.",
)
@json_option
@daemon_options
def approvals(always: bool, revoke: str | None, as_json: bool, **options: Any) -> None:
    """List the calls that wait for a decision, the most urgent first, and the command that decides each."""
    if revoke is not None:
        ask(options, partial(_revoke, revoke))
    elif always:
        ask(options, partial(_standing, as_json=as_json))
    else:
        ask(options, _as_json if as_json else _approvals)


async def _as_json(client: Client) -> None:
    say_json([each async for each in described_calls(client)])


async def _revoke(approval_id: str, client: Client) -> None:
    await by_id(approval_id, standing_approvals(client), lambda id_: client.delete(path("approvals", "always", id_)))
    say("revoked")


async def _standing(client: Client, *, as_json: bool) -> None:
    found = msgspec.convert(await client.get("/approvals/always"), StandingApprovals).approvals
    if as_json:
        say_json(found)
    elif not found:
        say("no approval holds for later calls")
    else:
        say_table(STANDING_COLUMNS, map(_standing_row, found))


def _standing_row(each: StandingApproval) -> tuple[str, ...]:
    return (
        each.id,
        one_line(each.agent),
        one_line(each.tool),
        "any" if each.arguments is None else one_line(each.arguments),
        NOTHING if each.session_id is None else each.session_id,
        NOTHING if each.by is None else one_line(each.by),
    )


async def _approvals(client: Client) -> None:
    waiting = await waiting_calls(client)
    if not waiting:
        say("no call waits for a decision")
    for each in waiting:
        until = f"{at_deadline(each)} in {duration_of(each.expires_in_s)}{', parked' if each.parked else ''}"
        say(f"{each.agent_id}: {wanted(each)} ({until})\n    {command(each)}")
        if note := note_of(each.kind, each.why):
            say(f"    {one_line(note)}")


async def waiting_calls(client: Client) -> list[WaitingCall]:
    """Return all calls that wait for a person, the most urgent first."""
    return msgspec.convert([each async for each in described_calls(client)], list[WaitingCall])


async def described_calls(client: Client) -> AsyncIterator[Any]:
    """Yield the waiting calls as the gateway describes them."""
    page = await client.get("/approvals")
    while True:
        for each in page["approvals"]:
            yield each
        if (after := page.get("next")) is None:
            return
        page = await client.get("/approvals", after=after)


def wanted(waiting: WaitingCall) -> str:
    """Return what the person decides, in full on one line: a person must not approve text that is cut."""
    if (question := waiting.question) is None:
        return f"{one_line(waiting.tool_call.name)} {one_line(waiting.tool_call.arguments)}"
    choices = f" [{', '.join(map(one_line, question.choices))}]" if question.choices else ""
    return f"{one_line(question.text)}{choices}"


def at_deadline(waiting: WaitingCall) -> str:
    """Return the outcome if nobody decides."""
    if (question := waiting.question) is None:
        approved = "goes on" if waiting.kind == "budget" else "approved"
        return approved if waiting.on_timeout == "approve" else "denied"
    return "no answer" if question.default is None else f"answered with {question.default!r}"


def command(waiting: WaitingCall) -> str:
    """Return the command that decides."""
    place = f"{waiting.stream_id} {quote(one_line(waiting.tool_call.id))}"
    words = f"approve {place}" if waiting.question is None else f"answer {place} ANSWER"
    return f"understudy {words}{place_given()}"
