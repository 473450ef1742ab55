"""A conversation at a terminal: its first lines, and the commands that a person types between messages.

A line that is one word after a slash is a command. All other lines are messages, also `/etc/hosts is empty.` and a line
that begins with a space. The lines of a pipe are messages, whatever they are.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Final, TypeAlias

from agents.cli.conversation import at_terminal, messages
from agents.cli.printing import complain, say
from agents.cli.program import Interrupts
from agents.cli.view.printable import one_line
from agents.core.nearest import suggestion

Begin: TypeAlias = Callable[[], Awaitable[None]]

COMMANDS: Final = {
    "/help": "list these commands",
    "/new": "forget the conversation, and begin a new one",
    "/exit": "leave, as Ctrl-D does",
}
KEYS: Final = "Ctrl-C cancels an answer. A tool call that needs an approval is asked about here: y, n, or e to edit it."
_COMMAND: Final = re.compile(r"/[a-zA-Z]+").fullmatch


async def conversation(interrupts: Interrupts, about: str, new: Begin | None) -> AsyncIterator[str]:
    """Yield the person's messages until the end. At a terminal, carry out the commands between them.

    about: the agent and its model. new: begins a new conversation; None: /new is unavailable.
    """
    lines = messages(interrupts)
    if not at_terminal():
        async for line in lines:
            yield line
        return
    known = [name for name in COMMANDS if name != "/new" or new is not None]
    say(f"{one_line(about)}\n/help lists the commands; Ctrl-D or /exit leaves")
    async for line in lines:
        command = line.rstrip().lower()
        if not _COMMAND(command):
            yield line
        elif command in ("/exit", "/quit"):
            return
        elif command == "/new" and new is not None:
            await new()
            say("a new conversation")
        else:
            _explain(command, known)


def _explain(command: str, known: Iterable[str]) -> None:
    """Print the commands. An unknown one is reported, and is not sent."""
    if command != "/help":
        names = ", ".join(known)
        complain(f"expected {names}, or a space before the message; got {command!r}{suggestion(command, known)}")
        return
    for name in known:
        say(f"{name:6}  {COMMANDS[name]}")
    say(KEYS)
