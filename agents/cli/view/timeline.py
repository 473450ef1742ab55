"""A timeline as lines of text, for terminals of any width: a bar for each lane, and what the marks mean."""

from collections.abc import Iterator
from typing import Final

from rich.text import Text

from agents.cli.view.printable import one_line
from agents.timeline import Lane, LaneMark, Timeline
from agents.timeline.picture import busy_s, describe, seconds

TITLE_CHARS: Final = 20
FIGURE_CHARS: Final = 12
NARROWEST: Final = 10  # columns of a bar
SHOWN_LANES: Final = 40
SHOWN_NOTES: Final = 12

CELLS: Final = {
    "wait": ("·", "dim"),
    "reasoning": ("▒", "magenta"),
    "text": ("█", "blue"),
    "arguments": ("▓", "cyan"),
    "tools": ("─", "dim"),
    "queued": ("·", "dim"),
    "approval": ("?", "yellow"),
    "run": ("━", "green"),
}
MARKS: Final = {
    "reset": ("↻", "red"),
    "warning": ("!", "yellow"),
    "failed": ("✗", "red"),
    "killed": ("✗", "red"),
    "denied": ("✗", "yellow"),
    "result": ("✓", "green"),
    "complete": ("✓", "green"),
    "cancelled": ("✗", "yellow"),
    "error": ("✗", "red"),
}
"""The marks that a bar shows. A column with two marks shows the later one."""
LEGEND: Final = "· waits  ▒ reasoning  █ text  ▓ arguments  ? waits for approval  ━ runs  ✓ done  ✗ ended  ↻ reset"


def timeline_text(timeline: Timeline, width: int) -> Text:
    """Return the timeline in lines of at most width columns."""
    columns = max(NARROWEST, width - TITLE_CHARS - FIGURE_CHARS - 2)
    lines = [Text(one_line(describe(timeline)), style="bold")]
    lines += (_line(lane, timeline.length_s, columns) for lane in timeline.lanes[:SHOWN_LANES])
    if (hidden := len(timeline.lanes) - SHOWN_LANES) > 0:
        lines.append(Text(f"… and {hidden} more lanes", style="dim"))
    lines += (Text(note, style="dim") for note in _notes(timeline))
    lines.append(Text(LEGEND, style="dim"))
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return Text("\n").join(lines)


def _line(lane: Lane, length_s: float, columns: int) -> Text:
    title = one_line(lane.title)
    title = title if len(title) <= TITLE_CHARS else f"{title[: TITLE_CHARS - 1]}…"
    line = Text(title.ljust(TITLE_CHARS + 1))
    for cell, style in _cells(lane, length_s, columns):
        line.append(cell, style)
    return line.append(f" {seconds(busy_s(lane)) if lane.spans else '':>{FIGURE_CHARS}}")


def _cells(lane: Lane, length_s: float, columns: int) -> list[tuple[str, str]]:
    cells = [(" ", "")] * columns
    for span in lane.spans:
        cell, style = CELLS[span.kind]
        first = _column(span.begin_s, length_s, columns)
        for column in range(first, max(first + 1, _column(span.end_s, length_s, columns))):
            cells[column] = cell, f"{style} strike" if span.void else style
    for mark in lane.marks:
        if mark.kind in MARKS:
            cells[_column(mark.at_s, length_s, columns)] = MARKS[mark.kind]
    return cells


def _column(at_s: float, length_s: float, columns: int) -> int:
    return min(columns - 1, int(at_s / length_s * columns)) if length_s > 0 else 0


def _notes(timeline: Timeline) -> Iterator[str]:
    """Yield a line for each mark that needs words, in the order of time."""
    noted: list[tuple[LaneMark, Lane]] = [
        (mark, lane) for lane in timeline.lanes for mark in lane.marks if mark.kind in MARKS and mark.kind != "result"
    ]
    noted.sort(key=lambda each: each[0].at_s)
    for mark, lane in noted[:SHOWN_NOTES]:
        note = f": {mark.note}" if mark.note else ""
        yield one_line(f"{seconds(mark.at_s)} {lane.title}: {mark.kind}{note}")
    if len(noted) > SHOWN_NOTES:
        yield f"… and {len(noted) - SHOWN_NOTES} more"
