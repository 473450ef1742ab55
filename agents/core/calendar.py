"""Days and months in UTC, as numbers of days since 1970. Pure arithmetic.

Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days and days_from_civil.
"""

from typing import Final

DAY_S: Final = 86_400


def day_of(unix_s: float) -> int:
    """Return the day of a time."""
    return int(unix_s // DAY_S)


def month_of(unix_s: float) -> int:
    """Return the first day of the month of a time."""
    day = day_of(unix_s)
    year, month = _month(day)
    return _first_day(year, month)


def next_month(day: int) -> int:
    """Return the first day of the month after that of a day."""
    year, month = _month(day)
    return _first_day(year + 1, 1) if month == 12 else _first_day(year, month + 1)


def _month(day: int) -> tuple[int, int]:
    """Return the year and the month of a day."""
    era, of_era = divmod(day + 719_468, 146_097)
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    month = month + 3 if month < 10 else month - 9
    return year + era * 400 + (month <= 2), month


def _first_day(year: int, month: int) -> int:
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
