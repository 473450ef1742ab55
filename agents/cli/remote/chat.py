"""`understudy chat` with an agent of a daemon."""

import sys
from contextlib import suppress
from typing import Any
from uuid import uuid4

from agents.cli.conversation import messages
from agents.cli.printing import complain
from agents.cli.program import Program
from agents.cli.refusal import refuse
from agents.cli.remote.connection import client_of
from agents.cli.turn import exit_code, show_events
from agents.cli.view import open_screen
from agents.client import Client, ClientError
from agents.client.client import path
from agents.core.events import Event, StreamApprovalRequired


async def chat_with_daemon(
    message: str | None,
    agent_id: str | None,
    new_agent: dict[str, Any],
    place: dict[str, Any],
    program: Program,
) -> int:
    """Chat with an agent of the daemon; return the exit code.

    agent_id: None starts a new agent and stops it at the end; its session stays. place: the arguments of client_of.
    """
    try:
        async with client_of(**place) as client:
            with program.interrupts.until_the_end():
                target = agent_id or (await client.post("/agents", new_agent))["id"]
                try:
                    return await _talk(client, target, message, program)
                finally:
                    if agent_id is None:
                        with suppress(ClientError):
                            await client.delete(path("agents", target))
    except ClientError as failed:
        return refuse(str(failed))


async def _talk(client: Client, agent_id: str, message: str | None, program: Program) -> int:
    if message is not None:
        return await _turn(client, agent_id, message, program)
    async for each in messages(program.interrupts):
        await _turn(client, agent_id, each, program)
    return 0


async def _turn(client: Client, agent_id: str, message: str, program: Program) -> int:
    stream_id = uuid4().hex

    async def cancel() -> None:
        with suppress(ClientError):  # the turn is over, or the reader of its stream reports the error
            await client.post(path("streams", stream_id, "cancel"))

    events = client.ask(agent_id, message, stream_id)
    return exit_code(await show_events(events, cancel, open_screen(sys.stdout, sys.stderr), program, _how_to_approve))


def _how_to_approve(event: Event) -> None:
    if isinstance(event, StreamApprovalRequired):
        complain(f"understudy approve {event.stream_id} {event.tool_call.id}")
