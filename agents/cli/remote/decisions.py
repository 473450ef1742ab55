"""Decisions about the calls that wait. A call is given by the beginning of its id, or not at all if only one waits."""

from http import HTTPStatus
from typing import Any

import click

from agents.cli.printing import complain
from agents.cli.remote.completion import completed
from agents.cli.remote.connection import place_given
from agents.cli.remote.ids import AmbiguousId, Ids
from agents.cli.remote.waiting import waiting_calls
from agents.cli.view.printable import one_line
from agents.client import Client, ClientError, Refused
from agents.client.errors import InvalidId
from agents.client.paths import path
from agents.instance.running import WaitingCall


async def waiting_streams(client: Client) -> Ids:
    """Yield the ids of the streams with a call that waits for a decision."""
    for each in await waiting_calls(client):
        yield each.stream_id


async def waiting_call_ids(client: Client) -> Ids:
    for each in await waiting_calls(client):
        yield each.tool_call.id


deciding_argument = click.argument("stream_id", metavar="STREAM", shell_complete=completed(waiting_streams))
call_argument = click.argument("call_id", required=False, metavar="[CALL]", shell_complete=completed(waiting_call_ids))


async def decide(client: Client, stream_id: str, what: str, body: dict[str, Any]) -> str:
    """Send the decision about the call in the body, and return the outcome.

    If no such call exists, decide about the only one that waits with ids that begin so. A call without an id: the only
    one that waits in the stream. Raises AmbiguousId, InvalidId, NothingWaits.
    """
    call_id = body["call_id"]
    if "" in (stream_id, call_id):  # every id begins with it
        raise InvalidId("")

    async def decided(stream: str, call: str) -> str:
        return str((await client.post(path("streams", stream, what), body | {"call_id": call}))["decision"])

    try:
        if call_id is not None:
            return await decided(stream_id, call_id)
    except Refused as refused:
        if refused.status != HTTPStatus.NOT_FOUND:
            raise
        if (found := await _waiting(client, stream_id, call_id)) is None:
            raise NothingWaits(stream_id, call_id) from None
    else:
        if (found := await _waiting(client, stream_id, "")) is None:
            raise NothingWaits(stream_id)
    complain(_chosen(found))
    return await decided(found.stream_id, found.tool_call.id)


async def _waiting(client: Client, stream_id: str, call_id: str) -> WaitingCall | None:
    """Return the only call that waits with ids that begin so, or None. Raises AmbiguousId."""
    found = [
        each
        for each in await waiting_calls(client)
        if each.stream_id.startswith(stream_id) and each.tool_call.id.startswith(call_id)
    ]
    found = [each for each in found if each.stream_id == stream_id] or found
    if len(found) > 1:
        raise AmbiguousId(f"{stream_id} {call_id}".strip(), (f"{each.stream_id} {each.tool_call.id}" for each in found))
    return found[0] if found else None


def _chosen(found: WaitingCall) -> str:
    """Return a line with the call in full: the person named only the beginning of its id."""
    call = found.tool_call
    return f"understudy: {one_line(f'{found.stream_id} {call.id}: {call.name} {call.arguments}')}"


class NothingWaits(ClientError):
    """No call of the stream waits for a decision, or not the named one."""

    def __init__(self, stream_id: str, call_id: str | None = None) -> None:
        got = repr(stream_id) if call_id is None else f"{stream_id!r} and the call {call_id!r}"
        what = "a stream with a call that waits for a decision"
        super().__init__(f"expected {what}, got {got}: understudy approvals{place_given()} lists them")
