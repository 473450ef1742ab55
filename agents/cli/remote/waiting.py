"""`understudy approvals`: the calls that wait for a decision."""

from typing import Any
from urllib.parse import quote

import click
import msgspec

from agents.cli.listing import json_option, say_json
from agents.cli.printing import say
from agents.cli.remote.connection import ask, daemon_options
from agents.cli.view.printable import one_line
from agents.client import Client
from agents.contract.watch import WaitingCalls
from agents.instance.running import WaitingCall


@click.command()
@json_option
@daemon_options
def approvals(as_json: bool, **options: Any) -> None:
    """List the calls that wait for a decision, the most urgent first, and the command that approves each."""
    ask(options, _as_json if as_json else _approvals)


async def _as_json(client: Client) -> None:
    say_json((await client.get("/approvals"))["approvals"])


async def _approvals(client: Client) -> None:
    page = msgspec.convert(await client.get("/approvals"), WaitingCalls)
    if not page.approvals:
        say("no call waits for a decision")
    while True:
        for each in page.approvals:
            say(_lines(each))
        if page.next is None:
            return
        page = msgspec.convert(await client.get(f"/approvals?after={quote(page.next)}"), WaitingCalls)


def _lines(waiting: WaitingCall) -> str:
    """Return the call in full: a person must not approve text that is cut."""
    call = waiting.tool_call
    end = "approved" if waiting.on_timeout == "approve" else "denied"
    until = f"{end} in {waiting.expires_in_s:.0f} s{', parked' if waiting.parked else ''}"
    head = f"{waiting.agent_id}: {one_line(call.name)} {one_line(call.arguments)} ({until})"
    return f"{head}\n    understudy approve {waiting.stream_id} {one_line(call.id)}"
