"""Listings of commands: a table for people, or JSON Lines for programs.

JSON Lines of a list have one item per line, with the fields that the gateway's REST answers have. The lines are ASCII:
every encoding can carry them, and they contain no character that a terminal obeys.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

import click
import msgspec

from agents.cli.printing import say
from agents.cli.view.table import Column, table_lines

Command = TypeVar("Command", bound=Callable[..., Any])
T = TypeVar("T")

NOTHING: Final = "-"
DURATIONS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON Lines: one item per line, with the fields of the REST API."
)


def say_json(items: Iterable[Any]) -> None:
    """Print each item as a line of JSON."""
    for item in items:
        say(json.dumps(msgspec.to_builtins(item)))


def say_list(
    found: Iterable[T], columns: Sequence[Column], row: Callable[[T], Sequence[str]], *, as_json: bool
) -> None:
    """Print what was found, as lines of JSON or as a table."""
    if as_json:
        say_json(found)
    else:
        say_table(columns, map(row, found))


def say_table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """Print a table that fits into the terminal, or in full elsewhere."""
    for line in table_lines(columns, rows, terminal_width()):
        say(line)


def terminal_width() -> int | None:
    """Return the width of the terminal of stdout; None if stdout is not a terminal. COLUMNS overrides it."""
    if not sys.stdout.isatty():
        return None
    try:
        return int(os.environ.get("COLUMNS", "")) or None
    except ValueError:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None


def time_of(at: datetime | str | None) -> str:
    """Return the local time with its offset from UTC, such as 2026-01-31 09:00:00+01:00."""
    if at is None:
        return NOTHING
    return (datetime.fromisoformat(at) if isinstance(at, str) else at).astimezone().isoformat(" ", "seconds")


def duration_of(seconds: float) -> str:
    """Return a length of time in its two largest units: 2 min 5 s, 3 d 4 h."""
    left, words = max(0, int(seconds)), []
    for size, unit in DURATIONS:
        if left >= size:
            words.append(f"{left // size} {unit}")
            left %= size
    return " ".join(words[:2]) or "0 s"


def span_of(seconds: float | None) -> str:
    """Return a length of time in its largest unit: 12s, 3m, 4h, 5d."""
    if seconds is None:
        return NOTHING
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{int(seconds // length)}{unit}"
    return f"{max(0, int(seconds))}s"
