"""`understudy approvals`: the calls that wait for a decision."""

from functools import partial
from typing import Any

import click
import msgspec

from agents.cli.listing import NOTHING, json_option, say_json, say_table
from agents.cli.printing import say
from agents.cli.remote.connection import ask, daemon_options
from agents.cli.view.printable import one_line
from agents.cli.view.table import Column
from agents.client import Client
from agents.client.client import path
from agents.contract.watch import StandingApprovals, WaitingCalls
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
@click.option("--always", is_flag=True, help="List the approvals that hold for later calls, too.")
@click.option("--revoke", metavar="ID", help="Revoke one of these: later calls ask a person again.")
@json_option
@daemon_options
def approvals(always: bool, revoke: str | None, as_json: bool, **options: Any) -> None:
    """List the calls that wait for a decision, the most urgent first, and the command that approves each."""
    if revoke is not None:
        ask(options, partial(_revoke, revoke))
    elif always:
        ask(options, partial(_standing, as_json=as_json))
    else:
        ask(options, _as_json if as_json else _approvals)


async def _as_json(client: Client) -> None:
    say_json((await client.get("/approvals"))["approvals"])


async def _revoke(approval_id: str, client: Client) -> None:
    await client.delete(path("approvals", "always", approval_id))
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
    page = msgspec.convert(await client.get("/approvals"), WaitingCalls)
    if not page.approvals:
        say("no call waits for a decision")
    while True:
        for each in page.approvals:
            say(_lines(each))
        if page.next is None:
            return
        page = msgspec.convert(await client.get("/approvals", after=page.next), WaitingCalls)


def _lines(waiting: WaitingCall) -> str:
    """Return the call in full: a person must not approve text that is cut."""
    call = waiting.tool_call
    end = "approved" if waiting.on_timeout == "approve" else "denied"
    until = f"{end} in {waiting.expires_in_s:.0f} s{', parked' if waiting.parked else ''}"
    head = f"{waiting.agent_id}: {one_line(call.name)} {one_line(call.arguments)} ({until})"
    return f"{head}\n    understudy approve {waiting.stream_id} {one_line(call.id)}"
