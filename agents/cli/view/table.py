"""A table as lines of text, for a terminal of any width or for a pipe. Pure functions.

A row is always one line. In a narrow terminal, long cells are cut first and then the least important columns are left
out. A pipe gets every cell in full. Widths are columns of the terminal: some characters take two, some none.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct
from rich.cells import cell_len, set_cell_size

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
    widths = [max(cell_len(row[at]) for row in cells) for at in range(len(columns))]
    shown = list(range(len(columns)))
    if width is not None:
        shown = _shown(columns, widths, width)
        _narrow(columns, widths, shown, width)
    return [cropped(_line(columns, widths, shown, row), width) for row in cells]


def cut(text: str, width: int) -> str:
    """Return the text, or its beginning and an ellipsis if it is wider."""
    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1).rstrip()}…"


def cropped(text: str, width: int | None) -> str:
    """Return the text, or its beginning if it is wider. width: None: no limit."""
    return text if width is None or cell_len(text) <= width else set_cell_size(text, width).rstrip()


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
    return GAP.join(_aligned(cut(row[at], widths[at]), widths[at], right=columns[at].right) for at in shown).rstrip()


def _aligned(cell: str, width: int, *, right: bool) -> str:
    space = " " * (width - cell_len(cell))
    return space + cell if right else cell + space
