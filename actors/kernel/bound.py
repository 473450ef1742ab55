"""The bound of a mailbox, and the policy for a message that finds it full."""

from enum import StrEnum

from msgspec import Struct


class Overflow(StrEnum):
    """The policy for a message that finds the mailbox full.

    DROP_NEWEST drops that message. DROP_OLDEST drops the message that waits longest. CRASH_RECEIVER ends the process
    with MAILBOX_FULL, which trap_exit does not stop. BLOCK_SENDER makes `call` and `send_blocking` wait in a line for
    room; a message of send, cast or a timer can't wait and is dropped as by DROP_NEWEST.
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
