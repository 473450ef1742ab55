"""Whether the gateway takes new work. A program that is about to end closes it: what runs goes on, and can be read."""

from typing import Final

from agents.gateway.errors import Refusal

COME_BACK_S: Final = 5


class Door:
    def __init__(self) -> None:
        self.open = True

    def check(self) -> None:
        """Raises Refusal."""
        if not self.open:
            raise Refusal(503, "the daemon is about to end and takes no new turns", retry_after_s=COME_BACK_S)
