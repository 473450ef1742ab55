"""The pause before a node is restarted. Pure."""

from typing import Final

from agents.node.fenced import FENCED

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0


def failures(before: int, code: int, lived_s: float, period_s: float) -> int:
    """Return the number of failures in a row after a node ended. It begins again after a life longer than the period.

    before: the number at the node's last end. code: as in subprocess. A fenced node has not failed: another node has
    declared it dead, and its next start is a new node.
    """
    if code == FENCED:
        return 0
    return 1 if lived_s > period_s else before + 1


def pause_s(in_a_row: int) -> float:
    """Return the pause before the next start: none after the first failure, then twice as long each time."""
    return 0.0 if in_a_row < 2 else min(FIRST_PAUSE_S * 2.0 ** min(in_a_row - 2, 64), LONGEST_PAUSE_S)
