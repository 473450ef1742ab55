"""The gate for new turns.

A program that stops, or a node that drains, closes the gate. Turns that run continue, and clients can still read them.
"""

from typing import Final

from agents.gateway.errors import retry_later

STOPPING: Final = "the daemon is stopping and accepts no new turns: retry later"
DRAINING: Final = "this node of the cluster drains and accepts no new turns: retry later"


class Gate:
    """A flag that says whether the gateway accepts new turns. closed: the reason for clients, or None if it is open."""

    def __init__(self) -> None:
        self.closed: str | None = None

    def check(self) -> None:
        """Raise Refusal if the gate is closed."""
        if self.closed is not None:
            raise retry_later(self.closed)
