"""The bound of a mailbox, and the policy for a message that finds it full."""

from enum import StrEnum

from msgspec import Struct


class Overflow(StrEnum):
    """DROP_NEWEST: the message that comes. DROP_OLDEST: the one that waits longest. CRASH_RECEIVER: the process ends
    with MAILBOX_FULL, which no trap_exit stops. BLOCK_SENDER: `call` and `send_blocking` wait in a line for room, and
    what can't wait (send, cast, a timer) is dropped as by DROP_NEWEST.
    """

    DROP_NEWEST = "drop_newest"
    DROP_OLDEST = "drop_oldest"
    BLOCK_SENDER = "block_sender"
    CRASH_RECEIVER = "crash_receiver"


class Bound(Struct, frozen=True):
    """At most max_length messages wait in the mailbox. Raises ValueError for less than 1."""

    max_length: int
    overflow: Overflow

    def __post_init__(self) -> None:
        if self.max_length < 1:
            raise ValueError(f"expected a max_length of at least 1, got {self.max_length!r}")
        Overflow(self.overflow)
