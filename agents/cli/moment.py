"""Times, ages and lengths of time as people type them in options."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from math import isfinite, nan
from typing import Any, Final

import click

UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
AGES: Final = "30m, 12h, 7d or 8w"
_AGE: Final = re.compile(r"([0-9]{1,6})([mhdw])").fullmatch


def age_of(text: str) -> timedelta | None:
    """Return the age, or None if the text is not one."""
    found = _AGE(text)
    return None if found is None else timedelta(**{UNITS[found[2]]: int(found[1])})


def before_now(age: timedelta) -> datetime:
    """Return the time in UTC that long ago, or the earliest time that exists."""
    now = datetime.now(UTC)
    return now - min(age, now - datetime.min.replace(tzinfo=UTC))


class Moment(click.ParamType):  # type: ignore[type-arg]  # click below 8.4 has none
    """A time as ISO 8601, or as an age. zone: that of a time without one; None: this machine's."""

    name = "time"

    def __init__(self, zone: tzinfo | None = None) -> None:
        self._zone = zone

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time in UTC."""
        if (age := age_of(value)) is not None:
            return before_now(age)
        try:
            given = datetime.fromisoformat(value)
            return (given if given.tzinfo else given.replace(tzinfo=self._zone)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"expected a time such as 2026-11-29T20:00, or an age such as {AGES}, got {value!r}", param, ctx)


class Length(click.ParamType):  # type: ignore[type-arg]
    """A length of time: a number of seconds, or as an age. positive: 0 and less are refused, too."""

    name = "length"

    def __init__(self, *, positive: bool = False) -> None:
        self._positive = positive

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the length in s."""
        age = age_of(value)
        try:
            given = float(value) if age is None else age.total_seconds()
        except ValueError:
            given = nan
        if not isfinite(given) or (self._positive and given <= 0):
            above = " above 0" if self._positive else ""
            self.fail(f"expected a number of seconds{above}, or a time such as {AGES}, got {value!r}", param, ctx)
        return given
