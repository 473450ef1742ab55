"""The wait that the headers of a provider's error ask for."""

import math
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds to wait before the next request, or None without such a header. now: seconds since the epoch.

    The most exact header wins: retry-after-ms, then Retry-After (RFC 9110, 10.2.3: seconds or a date), then the reset
    headers of the rate limits. The caller caps the wait.
    """
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    if (wait_ms := _number(lower.get("retry-after-ms", ""))) is not None:
        return wait_ms / 1000
    asked = lower.get("retry-after", "")
    for read in (_number(asked), _until_date(asked, now), _duration_s(asked), _reset_s(lower, now)):
        if read is not None:
            return read
    return None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _until_date(text: str, now: float) -> float | None:
    """Return the whole seconds until an HTTP date, rounded up, or 0 if the date has passed."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    moment = date if date.tzinfo else date.replace(tzinfo=UTC)
    return float(max(0, math.ceil(moment.timestamp() - now)))


_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_TERM = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def _duration_s(text: str) -> float | None:
    """Read a duration in Go's notation: "500ms", "1m30s", "6m0s"."""
    terms = _TERM.findall(text)
    if not terms or "".join(number + unit for number, unit in terms) != text:
        return None
    return sum(float(number) * _UNITS_S[unit] for number, unit in terms)


def _reset_s(headers: Mapping[str, str], now: float) -> float | None:
    """Return the latest reset of the limits that are used up. If no limit is, return the nearest reset."""
    resets: list[float] = []
    used_up: list[float] = []
    for name, value in headers.items():
        if not name.startswith(("x-ratelimit-reset", "ratelimit-reset")):
            continue
        wait = _duration_s(value) if _number(value) is None else _until_moment(float(value), now)
        if wait is not None:
            resets.append(wait)
            if _number(headers.get(name.replace("-reset", "-remaining"), "")) == 0:
                used_up.append(wait)
    return max(used_up) if used_up else min(resets, default=None)


def _until_moment(number: float, now: float) -> float:
    """Return the wait. A large number is an epoch time in seconds or (OpenRouter) milliseconds."""
    if number >= 1e11:
        number /= 1000
    return max(0.0, number - now) if number >= 1e9 else number
