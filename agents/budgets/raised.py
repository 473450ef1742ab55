"""The news that a person has added to a budget. Turns that wait for this budget without a process are woken."""

from typing import Final

from msgspec import Struct

from actors import send, whereis

PARKED_TURNS: Final = "parked_turns"
"""The registered name of the process that wakes parked turns."""


class BudgetRaised(Struct, frozen=True):
    """Message to that process: a person adds to the budgets of a count. count: its name in the store.

    The amount may be on its way to the disk.
    """

    count: str


def tell_parked(count: str) -> None:
    """Tell that process. While it is restarted, this does nothing: its first look finds the raised budgets."""
    if (clock := whereis(PARKED_TURNS)) is not None:
        send(clock, BudgetRaised(count))
