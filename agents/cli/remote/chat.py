"""`understudy chat` with an agent of a daemon."""

import sys
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from agents.cli.conversation import messages
from agents.cli.printing import complain
from agents.cli.program import Program
from agents.cli.refusal import fail
from agents.cli.remote.connection import client_of
from agents.cli.remote.ids import agents_and_sessions, whole_id
from agents.cli.turn import exit_code, show_events
from agents.cli.view.printable import one_line
from agents.cli.view.screen import open_screen
from agents.client import Client, ClientError, Refused
from agents.client.client import path
from agents.core.events import Event, StreamApprovalRequired, StreamSubAgent
from agents.parts.given import Media


async def chat_with_daemon(
    attached: tuple[Media, ...],
    agent_id: str | None,
    new_agent: dict[str, Any],
    place: dict[str, Any],
    message: str | None,
    program: Program,
) -> int:
    """Chat with an agent of the daemon; return the exit code.

    agent_id: None starts a new agent and stops it at the end; its session stays. place: the arguments of client_of.
    attached: parts of the first message.
    """
    try:
        async with client_of(**place) as client:
            with program.interrupts.until_the_end():
                target = await _target(client, agent_id, new_agent)
                try:
                    return await _talk(client, target, message, attached, program)
                finally:
                    if agent_id is None:
                        with suppress(ClientError):
                            await client.delete(path("agents", target))
    except ClientError as failed:
        return fail(failed)


async def _target(client: Client, agent_id: str | None, new_agent: dict[str, Any]) -> str:
    """Return the id of the agent to talk to, which may be given by its beginning, or that of a new agent."""
    if agent_id is None:
        return str((await client.post("/agents", new_agent))["id"])
    try:
        await client.get(path("agents", agent_id))
    except Refused:  # it sleeps, does not exist, or may only be written to
        with suppress(Refused):
            return await whole_id(agent_id, agents_and_sessions(client))
    return agent_id


async def _talk(
    client: Client, agent_id: str, message: str | None, attached: tuple[Media, ...], program: Program
) -> int:
    if message is not None:
        return await _turn(client, agent_id, message, attached, program)
    async for each in messages(program.interrupts):
        await _turn(client, agent_id, each, attached, program)
        attached = ()
    return 0


async def _turn(client: Client, agent_id: str, message: str, attached: tuple[Media, ...], program: Program) -> int:
    stream_id = uuid4().hex

    async def cancel() -> None:
        with suppress(ClientError):  # the turn is over, or the reader of its stream reports the error
            await client.post(path("streams", stream_id, "cancel"))

    events, screen, decider = (
        client.ask(agent_id, message, stream_id, attached),
        open_screen(sys.stdout, sys.stderr, markdown=True),
        Decisions(client),
    )
    return exit_code(await show_events(events, cancel, screen, program, _how_to_approve, decider))


class Decisions:
    """Decisions about the calls of an agent of the daemon."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def approve(self, asked: StreamApprovalRequired, edited: str | None) -> str | None:
        call = asked.tool_call
        return await self._decide(asked, "approve", {"call_id": call.id, "arguments": call.arguments, "edited": edited})

    async def deny(self, asked: StreamApprovalRequired, reason: str) -> None:
        await self._decide(asked, "deny", {"call_id": asked.tool_call.id, "reason": reason})

    async def _decide(self, asked: StreamApprovalRequired, what: str, body: dict[str, Any]) -> str | None:
        try:
            await self._client.post(path("streams", asked.stream_id, what), body)
        except ClientError as failed:
            if isinstance(failed, Refused) and failed.status == HTTPStatus.UNPROCESSABLE_ENTITY:
                return str(failed)
            complain(f"understudy: {one_line(str(failed))}")  # another client was faster, or the token lacks the scope
        return None


def _how_to_approve(event: Event) -> None:
    """Print the command that approves, where no person at this terminal is asked."""
    event = event.event if isinstance(event, StreamSubAgent) else event
    if isinstance(event, StreamApprovalRequired) and not (sys.stdin.isatty() and sys.stdout.isatty()):
        complain(f"understudy approve {event.stream_id} {event.tool_call.id}")
