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

ON_DISK_FIRST: Final = frozenset(
    {StreamStart, StreamFunctionExecutionStart, StreamApprovalRequired, StreamToolResult, StreamSubAgent, *TERMINAL}
)
"""The turn's begin, the start of calls, questions to people, results of calls, the events of sub-agents, and the end.

A person who is asked decides about a question that no crash replaces by another one. With the question of a call that
runs, its claim is taken back: no crash makes that call unknown.
"""


def on_disk_first(event: Event) -> bool:
    """Return whether the event is published only when it is on disk."""
    return type(event) in ON_DISK_FIRST
