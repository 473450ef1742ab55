"""The pause before another attempt of a call."""

from typing import Final

LONGEST_PAUSE_S: Final = 30.0


def pause_s(attempt: int, backoff_s: float, chance: float) -> float:
    """Return the seconds to wait after this attempt failed. The first attempt is 1.

    chance: 0 to 1. It removes up to half of the pause, so that calls that failed together do not retry together.
    """
    whole = min(backoff_s * 2.0 ** min(attempt - 1, 64), LONGEST_PAUSE_S)
    return whole * (1 - chance / 2)
