"""One turn on the screen, from the message to its end."""

from collections.abc import Callable
from contextlib import aclosing
from typing import TypeAlias

from actors import Pid
from agents import agent
from agents.cli import INTERRUPTED
from agents.cli.program import Program, refuse
from agents.cli.view import Screen
from agents.cli.view.view import Note
from agents.core.errors import Cancelled
from agents.core.events import Event, StreamComplete, StreamError

End: TypeAlias = StreamComplete | StreamError


async def show_turn(
    pid: Pid, message: str, screen: Screen, program: Program, watch: Callable[[Event], None] = lambda _: None
) -> End:
    """Send the message and show what comes, the supervisors' reports included; answers with the last event.

    watch: is given each event after it was shown.
    """

    def report(line: str) -> None:
        screen.show(Note(line, report=True))

    with program.interrupts.cancel(pid), screen, program.reports.shown(report):
        async with aclosing(agent.stream(pid, message)) as events:
            async for event in events:
                screen.show(event)
                watch(event)
    assert isinstance(event, End)
    return event


def exit_code(end: End) -> int:
    """Of a program whose turn ended so; a fault is said on stderr, one line."""
    if isinstance(end, StreamComplete):
        return 0
    code = refuse(str(end.reason))
    return INTERRUPTED if isinstance(end.reason, Cancelled) else code
