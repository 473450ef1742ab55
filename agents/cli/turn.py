"""One turn on the screen, from the message to its end."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from functools import partial
from typing import TypeAlias

from actors import CallFailed, Pid
from agents import agent
from agents.cli.exit_codes import code_of_fault
from agents.cli.program import Cancel, Program
from agents.cli.questions import Decider, questions
from agents.cli.refusal import refuse
from agents.cli.view.screen import Screen
from agents.cli.view.view import Note
from agents.core.events import Event, StreamApprovalRequired, StreamComplete, StreamError
from agents.core.question import AnswerValue
from agents.parts.given import GivenContent
from agents.tools.approval import InvalidEdit
from agents.tools.questions import InvalidReply

End: TypeAlias = StreamComplete | StreamError


async def show_turn(
    pid: Pid,
    message: str | GivenContent,
    screen: Screen,
    program: Program,
    watch: Callable[[Event], None] = lambda _: None,
) -> End:
    """Send the message and show the turn's events and the supervisors' reports; return the terminal event.

    watch: gets each event after it is shown. A person at a terminal is asked about the calls that need an approval.
    """
    events = agent.stream(pid, message)
    return await show_events(events, partial(_cancel, pid), screen, program, watch, LocalDecider(pid))


async def show_events(
    stream: AsyncGenerator[Event, None],
    cancel: Cancel,
    screen: Screen,
    program: Program,
    watch: Callable[[Event], None] = lambda _: None,
    decider: Decider | None = None,
) -> End:
    """Show a stream of any origin, as show_turn does.

    cancel: Ctrl-C calls it. decider: carries out the decisions of the person at the terminal.
    """

    def report(line: str) -> None:
        screen.show(Note(line, report=True))

    with program.interrupts.cancel(cancel), screen, program.reports.shown(report):
        async with aclosing(stream) as events, questions(screen, decider, program.interrupts) as asking:
            async for event in events:
                screen.show(event)
                watch(event)
                if asking is not None:
                    asking.take(event)
    assert isinstance(event, End)
    return event


class LocalDecider:
    """Decisions about the calls of an agent of this program."""

    def __init__(self, pid: Pid) -> None:
        self._pid = pid

    async def approve(self, asked: StreamApprovalRequired, edited: str | None) -> str | None:
        call = asked.tool_call
        with suppress(CallFailed):  # the agent ended, and its turn with it
            answer = await agent.approve(self._pid, call.id, call.arguments, edited=edited, stream_id=asked.stream_id)
            return answer.reason if isinstance(answer, InvalidEdit) else None
        return None

    async def answer(self, asked: StreamApprovalRequired, given: AnswerValue) -> str | None:
        with suppress(CallFailed):
            shown, place = None if asked.question is None else asked.question.text, asked.stream_id
            answer = await agent.answer(self._pid, asked.tool_call.id, given, question=shown, stream_id=place)
            return answer.reason if isinstance(answer, InvalidReply) else None
        return None

    async def deny(self, asked: StreamApprovalRequired, reason: str) -> None:
        with suppress(CallFailed):
            await agent.deny(self._pid, asked.tool_call.id, reason, stream_id=asked.stream_id)


def exit_code(end: End) -> int:
    """Return the exit code for the end of a turn. Print a fault on stderr, in one line."""
    if isinstance(end, StreamComplete):
        return 0
    return refuse(str(end.reason), code=code_of_fault(end.reason))


async def _cancel(pid: Pid) -> None:
    with suppress(CallFailed):  # the agent ended, and its turn with it
        await agent.cancel(pid)
