"""The layout of a timeline: shapes with their places, in pixels. svg.py and the gateway's page draw the same shapes.

A shape names its kind, and whoever draws it gives the kind its colour. Texts are as models and tools gave them: the
drawing escapes them.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from agents.timeline.lanes import Lane, LaneMark, Span, Timeline

WIDTH: Final = 960
NARROWEST, WIDEST = 280, 4000
TITLE_SHARE: Final = 0.2
TITLE_PX: Final = (72, 180)  # the narrowest and the widest column of titles
CHAR_PX: Final = 7.0
FIGURE_PX: Final = 84  # the column of durations
TOP_PX: Final = 28
LANE_PX: Final = 26
BAR_PX: Final = 14
MARGIN_PX: Final = 12
LEAST_PX: Final = 1.5  # a span is visible, however short it is
TICKS: Final = 6
STEPS: Final = (1.0, 2.0, 5.0)
LEGEND: Final = (
    ("wait", "waits for the model"),
    ("reasoning", "reasoning"),
    ("text", "text"),
    ("arguments", "arguments"),
    ("queued", "queued"),
    ("approval", "waits for approval"),
    ("run", "runs"),
)


class Bar(Struct, frozen=True, omit_defaults=True):
    """A rectangle. title: its description. void, open: as in Span."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    title: str = ""
    void: bool = False
    open: bool = False


class Dot(Struct, frozen=True):
    """A mark, with its centre."""

    kind: str
    x: float
    y: float
    title: str


class Line(Struct, frozen=True):
    """A vertical line of the axis."""

    x: float
    y1: float
    y2: float


class Label(Struct, frozen=True):
    """A text. kind: title, tick, figure or legend. anchor: of SVG's text-anchor."""

    kind: str
    x: float
    y: float
    text: str
    anchor: str = "start"


class Picture(Struct, frozen=True):
    """The shapes of a timeline. description: the timeline in words, for a reader who can't see it."""

    width: float
    height: float
    description: str
    lines: tuple[Line, ...]
    bars: tuple[Bar, ...]
    dots: tuple[Dot, ...]
    labels: tuple[Label, ...]


class _Scale(Struct, frozen=True):
    """The horizontal axis: left, the place of second 0, and right, that of the last second."""

    left: float
    right: float
    length_s: float

    def x(self, at_s: float) -> float:
        share = min(1.0, max(0.0, at_s / self.length_s)) if self.length_s > 0 else 0.0
        return _px(self.left + share * (self.right - self.left))


def picture_of(timeline: Timeline, width: int = WIDTH) -> Picture:
    """Return the picture of a timeline. width: in pixels, from NARROWEST to WIDEST."""
    width = min(WIDEST, max(NARROWEST, width))
    titles = min(TITLE_PX[1], max(TITLE_PX[0], TITLE_SHARE * width))
    scale = _Scale(_px(titles + MARGIN_PX), width - FIGURE_PX, timeline.length_s)
    bottom = TOP_PX + LANE_PX * len(timeline.lanes)
    ticks = list(_ticks(timeline.length_s))
    bars, dots, labels = list[Bar](), list[Dot](), list[Label]()
    for number, lane in enumerate(timeline.lanes):
        middle = TOP_PX + LANE_PX * (number + 0.5)
        bars += (_bar(span, lane, middle, scale) for span in lane.spans)
        dots += (_dot(mark, lane, middle, scale) for mark in lane.marks)
        labels += _titles(lane, middle, titles, width)
    labels += (Label("tick", scale.x(at_s), TOP_PX - 12, seconds(at_s), "middle") for at_s in ticks)
    keys = list(_legend(scale.left, bottom + MARGIN_PX, width))
    bars += (key for key, _ in keys)
    labels += (label for _, label in keys)
    height = max((label.y for label in labels), default=bottom) + MARGIN_PX
    lines = tuple(Line(scale.x(at_s), TOP_PX - 6, bottom) for at_s in ticks)
    return Picture(width, _px(height), describe(timeline), lines, tuple(bars), tuple(dots), tuple(labels))


def describe(timeline: Timeline) -> str:
    """Return one sentence about the turn."""
    calls = sum(lane.kind == "call" for lane in timeline.lanes)
    outcome = timeline.outcome or "running"
    called = f", {calls} {'call' if calls == 1 else 'calls'}" if calls else ""
    return f"Turn {timeline.stream_id}: {outcome}, {seconds(timeline.length_s)}{called}."


def seconds(value_s: float) -> str:
    """Return a duration as text, such as 250 ms, 1.2 s or 3 min 20 s."""
    if value_s < 1:
        return f"{value_s * 1000:.0f} ms" if value_s else "0 s"
    if value_s < 120:
        return f"{value_s:.3g} s"
    return f"{int(value_s // 60)} min {int(value_s % 60)} s"


def busy_s(lane: Lane) -> float:
    """Return the seconds in which a call ran. For another lane: the seconds of all its spans."""
    return sum(span.end_s - span.begin_s for span in lane.spans if lane.kind != "call" or span.kind == "run")


def _bar(span: Span, lane: Lane, middle: float, scale: _Scale) -> Bar:
    x, end = scale.x(span.begin_s), scale.x(span.end_s)
    title = f"{lane.title}: {span.kind} {seconds(span.end_s - span.begin_s)}, from {seconds(span.begin_s)}"
    extra = [span.note] if span.note else []
    extra += ["void"] if span.void else []
    extra += ["goes on"] if span.open else []
    width = _px(max(LEAST_PX, end - x))
    return Bar(
        span.kind, x, middle - BAR_PX / 2, width, BAR_PX, "; ".join([title, *extra]), void=span.void, open=span.open
    )


def _dot(mark: LaneMark, lane: Lane, middle: float, scale: _Scale) -> Dot:
    note = f": {mark.note}" if mark.note else ""
    return Dot(mark.kind, scale.x(mark.at_s), middle, f"{lane.title}: {mark.kind} at {seconds(mark.at_s)}{note}")


def _titles(lane: Lane, middle: float, titles_px: float, width: float) -> Iterator[Label]:
    """Yield the lane's title, cut to its column, and its duration at the right edge."""
    room = max(4, int((titles_px - MARGIN_PX) / CHAR_PX))
    title = lane.title if len(lane.title) <= room else f"{lane.title[: room - 1]}…"
    yield Label("title", MARGIN_PX, middle + 4, title)
    if lane.spans:
        yield Label("figure", width - MARGIN_PX / 2, middle + 4, seconds(busy_s(lane)), "end")


def _ticks(length_s: float) -> Iterator[float]:
    """Yield round seconds, about TICKS of them."""
    step = _step(length_s / TICKS)
    count = int(length_s / step + 1e-9) if length_s > 0 else 0
    yield from (number * step for number in range(count + 1))


def _step(at_least_s: float) -> float:
    """Return the least round step that is not below this: 1, 2 or 5, and their tenths and tens."""
    size = 0.001
    while size < 1e9:
        for factor in STEPS:
            if factor * size >= at_least_s:
                return factor * size
        size *= 10
    return at_least_s


def _legend(x: float, y: float, width: float) -> Iterator[tuple[Bar, Label]]:
    """Yield a key for each kind of span, in as many rows as the width needs."""
    left = x
    for kind, text in LEGEND:
        needed = 18 + len(text) * CHAR_PX + 14
        if x + needed > width and x > left:
            x, y = left, y + 18
        yield Bar(kind, _px(x), y, 12, 10), Label("legend", _px(x + 17), y + 9, text)
        x += needed


def _px(value: float) -> float:
    return round(value, 2)
