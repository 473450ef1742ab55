"""The pause before another attempt of a call."""

from typing import Final

LONGEST_PAUSE_S: Final = 30.0


def pause_s(attempt: int, backoff_s: float, chance: float) -> float:
    """Seconds to wait after the attempt, 1 for the first, failed.

    chance: 0 to 1; it takes up to a half away, so that calls that failed together do not come again together.
    """
    whole = min(backoff_s * 2.0 ** min(attempt - 1, 64), LONGEST_PAUSE_S)
    return whole * (1 - chance / 2)
