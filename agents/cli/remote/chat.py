"""`understudy chat` with an agent of a daemon."""

import sys
from contextlib import suppress
from http import HTTPStatus
from shlex import quote
from typing import Any
from uuid import uuid4

from agents.cli.conversation import at_terminal
from agents.cli.exit_codes import ExitCode
from agents.cli.printing import complain
from agents.cli.program import Program
from agents.cli.refusal import fail
from agents.cli.remote.connection import client_of, place_given
from agents.cli.remote.ids import agents_and_sessions, known_id
from agents.cli.talk import conversation
from agents.cli.turn import exit_code, show_events
from agents.cli.view.printable import one_line
from agents.cli.view.screen import open_screen
from agents.client import Client, ClientError, Refused
from agents.client.paths import path
from agents.core.events import Event, StreamApprovalRequired, StreamSubAgent
from agents.core.question import AnswerValue
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
                talk = Talk(client, await _target(client, agent_id, new_agent), new_agent if agent_id is None else None)
                try:
                    return await talk.run(message, attached, program)
                finally:
                    await talk.end()
    except ClientError as failed:
        return fail(failed)


async def _target(client: Client, agent_id: str | None, new_agent: dict[str, Any]) -> str:
    """Return the id of the agent to talk to, which may be given by its beginning, or that of a new agent."""
    if agent_id is None:
        return str((await client.post("/agents", new_agent))["id"])
    try:
        await client.get(path("agents", agent_id))
    except Refused as refused:  # it sleeps, does not exist, or may only be written to
        if refused.status == HTTPStatus.NOT_FOUND:
            return await known_id(agent_id, agents_and_sessions(client), refused)
    return agent_id


class Talk:
    """A conversation with an agent. own: the configuration of an agent that was started for it, and ends with it."""

    def __init__(self, client: Client, agent_id: str, own: dict[str, Any] | None) -> None:
        self._client, self._agent_id, self._own = client, agent_id, own

    async def run(self, message: str | None, attached: tuple[Media, ...], program: Program) -> int:
        if message is not None:
            return await _turn(self._client, self._agent_id, message, attached, program)
        new = self._begin_again if self._own is not None else None
        async for each in conversation(program.interrupts, await self._about() if at_terminal() else "", new):
            await _turn(self._client, self._agent_id, each, attached, program)
            attached = ()
        return ExitCode.DONE

    async def end(self) -> None:
        """Stop an agent of the conversation's own. Its session stays."""
        if self._own is not None:
            with suppress(ClientError):
                await self._client.delete(path("agents", self._agent_id))

    async def _begin_again(self) -> None:
        await self.end()
        self._agent_id = await _target(self._client, None, self._own or {})

    async def _about(self) -> str:
        """Return the agent, its model and its daemon. A token may lack the right to read them."""
        with suppress(ClientError):
            info = await self._client.get(path("agents", self._agent_id))
            return f"{info['name']} ({self._agent_id}), {info['model']}, at {self._client.url}"
        return f"{self._agent_id}, at {self._client.url}"


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

    async def answer(self, asked: StreamApprovalRequired, given: AnswerValue) -> str | None:
        shown = None if asked.question is None else asked.question.text
        return await self._decide(asked, "answer", {"call_id": asked.tool_call.id, "answer": given, "question": shown})

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
    """Print the command that approves or answers, where no person at this terminal is asked."""
    event = event.event if isinstance(event, StreamSubAgent) else event
    if isinstance(event, StreamApprovalRequired) and not (sys.stdin.isatty() and sys.stdout.isatty()):
        place = f"{event.stream_id} {quote(one_line(event.tool_call.id))}"
        words = f"approve {place}" if event.question is None else f"answer {place} ANSWER"
        complain(f"understudy {words}{place_given()}")
