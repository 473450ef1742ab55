"""A table as lines of text, for a terminal of any width or for a pipe. Pure functions.

A row is always one line. In a narrow terminal, long cells are cut first and then the least important columns are left
out. A pipe gets every cell in full.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

GAP: Final = "  "


class Column(Struct, frozen=True):
    """A column. right: aligned to the right, as numbers are.

    least: the width to which its cells may be cut; None: they are never cut. rank: the place in the order in which
    columns are left out, 1 first; None: never.
    """

    title: str
    right: bool = False
    least: int | None = None
    rank: int | None = None


def table_lines(columns: Sequence[Column], rows: Iterable[Sequence[str]], width: int | None = None) -> list[str]:
    """Return the header and one line per row. width: that of the terminal; None: no limit."""
    cells = [[column.title for column in columns], *rows]
    widths = [max(len(row[at]) for row in cells) for at in range(len(columns))]
    shown = list(range(len(columns)))
    if width is not None:
        shown = _shown(columns, widths, width)
        _narrow(columns, widths, shown, width)
    return [_line(columns, widths, shown, row)[:width] for row in cells]


def cut(text: str, chars: int) -> str:
    """Return the text, or its beginning and an ellipsis if it is longer."""
    return text if len(text) <= chars else f"{text[: chars - 1]}…"


def _shown(columns: Sequence[Column], widths: list[int], width: int) -> list[int]:
    """Return the columns that remain if all of them are as narrow as they may be."""
    shown = list(range(len(columns)))
    for at in sorted((at for at in shown if columns[at].rank is not None), key=lambda at: columns[at].rank or 0):
        if sum(_least(columns[each], widths[each]) for each in shown) + len(GAP) * (len(shown) - 1) > width:
            shown.remove(at)
    return shown


def _narrow(columns: Sequence[Column], widths: list[int], shown: list[int], width: int) -> None:
    """Give each column its least width, and the space that is left to the first columns that need it."""
    full = widths.copy()
    for at in shown:
        widths[at] = _least(columns[at], full[at])
    spare = width - sum(widths[at] for at in shown) - len(GAP) * (len(shown) - 1)
    for at in shown:
        more = max(0, min(full[at] - widths[at], spare))
        widths[at], spare = widths[at] + more, spare - more


def _least(column: Column, full: int) -> int:
    return full if column.least is None else min(full, max(column.least, len(column.title)))


def _line(columns: Sequence[Column], widths: list[int], shown: list[int], row: Sequence[str]) -> str:
    cells = (cut(row[at], widths[at]) for at in shown)
    aligned = (
        cell.rjust(widths[at]) if columns[at].right else cell.ljust(widths[at])
        for at, cell in zip(shown, cells, strict=True)
    )
    return GAP.join(aligned).rstrip()
