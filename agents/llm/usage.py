"""Read providers' token counts into Usage."""

from typing import Any, Final

from agents.core.deltas import Usage

MOST: Final = 2**63 - 1  # a larger count is unknown: no sum, price or table has room for it


def read_usage(counts: Any) -> Usage | None:
    """Return the usage in either API's usage object, or None if it has no counts. A missing count stays unknown."""
    if not isinstance(counts, dict):
        return None
    usage = Usage(
        input_tokens=_first(counts, "prompt_tokens", "input_tokens"),
        output_tokens=_first(counts, "completion_tokens", "output_tokens"),
        total_tokens=_first(counts, "total_tokens"),
        reasoning_tokens=_detail(counts, "reasoning_tokens", "completion_tokens_details", "output_tokens_details"),
        cached_tokens=_detail(counts, "cached_tokens", "prompt_tokens_details", "input_tokens_details"),
    )
    return None if usage == Usage() else usage


def _first(counts: dict[str, Any], *names: str) -> int | None:
    for name in names:
        count = counts.get(name)
        if (
            isinstance(count, (int, float))
            and not isinstance(count, bool)
            and 0 <= count <= MOST
            and count == count // 1
        ):
            return int(count)
    return None


def _detail(counts: dict[str, Any], name: str, *groups: str) -> int | None:
    """Return a count from a group of details or from beside the totals (GitHub Copilot, DeepSeek)."""
    for group in groups:
        details = counts.get(group)
        if isinstance(details, dict) and (count := _first(details, name)) is not None:
            return count
    return _first(counts, name)
