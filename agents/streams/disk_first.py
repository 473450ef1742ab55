"""The events that subscribers get only when they are on disk."""

from typing import Final

from agents.core.events import (
    TERMINAL,
    Event,
    StreamApprovalRequired,
    StreamFunctionExecutionStart,
    StreamStart,
    StreamSubAgent,
    StreamToolResult,
)

ALWAYS: Final = frozenset({StreamStart, StreamFunctionExecutionStart, StreamToolResult, StreamSubAgent, *TERMINAL})


def on_disk_first(event: Event) -> bool:
    """Return whether the event is published only when it is on disk.

    These are the turn's begin, the start of calls, their results, the events of sub-agents, and the end. A question is
    one, too: with it the claim of a call that runs is taken back. A person who is asked then waits for a call that no
    crash makes unknown.
    """
    return type(event) in ALWAYS or (isinstance(event, StreamApprovalRequired) and event.kind == "question")
