"""The gate for new turns.

A program that drains closes the gate. Turns that run continue, and clients can still read them.
"""

from typing import Final

from agents.gateway.errors import Refusal

RETRY_S: Final = 5


class Gate:
    """A flag that says whether the gateway accepts new turns."""

    def __init__(self) -> None:
        self.open = True

    def check(self) -> None:
        """Raise Refusal if the gate is closed."""
        if not self.open:
            raise Refusal(503, "the daemon is stopping and accepts no new turns: retry later", retry_after_s=RETRY_S)
