"""The news that a person has added to a budget. Turns that wait for this budget without a process are woken."""

from typing import Final

from msgspec import Struct

from actors import send, whereis

PARKED_TURNS: Final = "parked_turns"
"""The registered name of the process that wakes parked turns."""


class BudgetRaised(Struct, frozen=True):
    """Message to that process: a person has added to the budgets of a count. count: its name in the store."""

    count: str


def tell_parked(count: str) -> None:
    """Tell that process, unless it is being restarted."""
    if (clock := whereis(PARKED_TURNS)) is not None:
        send(clock, BudgetRaised(count))
