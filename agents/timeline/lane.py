"""One lane of a timeline while it grows: its spans, of which the last may be open, and its marks."""

from typing import Final

from msgspec.structs import replace

from agents.timeline.lanes import Lane, LaneKind, LaneMark, MarkKind, Span, SpanKind

MAX_SPANS: Final = 500
MAX_SPANS_OF_CALL: Final = 32
MAX_MARKS: Final = 32
NOTE_CHARS: Final = 160
TITLE_CHARS: Final = 80


class GrowingLane:
    """A lane that grows. The number of its spans and marks is bounded; later ones join the last."""

    __slots__ = ("_call_id", "_kind", "_marks", "_spans", "_title")

    def __init__(self, kind: LaneKind, title: str, call_id: str | None = None) -> None:
        self._kind, self._title, self._call_id = kind, cut(title, TITLE_CHARS), call_id
        self._spans: list[Span] = []
        self._marks: list[LaneMark] = []

    @property
    def open(self) -> SpanKind | None:
        """The kind of the open span."""
        return self._spans[-1].kind if self._spans and self._spans[-1].open else None

    def begin(self, kind: SpanKind, now_s: float, events: int = 0, note: str = "") -> None:
        """End the open span, and begin one that stands for these events."""
        self.end(now_s)
        if len(self._spans) < (MAX_SPANS_OF_CALL if self._kind in ("call", "agent") else MAX_SPANS):
            self._spans.append(Span(kind, now_s, now_s, events, cut(note, NOTE_CHARS), open=True))
        else:
            self._change(end_s=now_s, events=self._spans[-1].events + events, open=True)

    def extend(self, kind: SpanKind, now_s: float, events: int = 1) -> None:
        """Count events in the open span of this kind. Without such a span, begin one."""
        if self.open == kind:
            self._change(end_s=now_s, events=self._spans[-1].events + events)
        else:
            self.begin(kind, now_s, events)

    def end(self, now_s: float, events: int = 0) -> None:
        """End the open span, if there is one. events: more events that the span stands for."""
        if self.open is not None:
            self._change(end_s=now_s, events=self._spans[-1].events + events, open=False)

    def ran_from(self, begin_s: float, now_s: float, events: int = 0, note: str = "") -> None:
        """End the open span at begin_s, and begin a run there. An earlier span keeps its place, so begin_s may move."""
        last = self._spans[-1] if self._spans else None
        earliest_s = now_s if last is None else last.begin_s if last.open else last.end_s
        self.begin("run", min(max(begin_s, earliest_s), now_s), events, note)

    def mark(self, kind: MarkKind, now_s: float, events: int = 0, note: str = "") -> None:
        """Add a mark. In a full lane, the mark takes the place of the last mark, and its events."""
        if len(self._marks) < MAX_MARKS:
            self._marks.append(LaneMark(kind, now_s, events, cut(note, NOTE_CHARS)))
        else:
            self._marks[-1] = LaneMark(kind, now_s, self._marks[-1].events + events, cut(note, NOTE_CHARS))

    def void(self) -> None:
        """LaneMark the output since the last wait as discarded."""
        for place in range(len(self._spans) - 1, -1, -1):
            if self._spans[place].kind == "wait":
                break
            self._spans[place] = replace(self._spans[place], void=True)

    def lane(self, now_s: float) -> Lane:
        """Return the lane at this time. An open span lasts until then."""
        spans = tuple(replace(span, end_s=max(span.end_s, now_s)) if span.open else span for span in self._spans)
        return Lane(self._kind, self._title, spans, tuple(self._marks), self._call_id)

    def _change(self, **fields: object) -> None:
        self._spans[-1] = replace(self._spans[-1], **fields)


class MarksOnly(GrowingLane):
    """A lane of things that overlap in time: it has no spans, and counts every event in a mark."""

    __slots__ = ()

    def begin(self, kind: SpanKind, now_s: float, events: int = 0, note: str = "") -> None:
        if events:
            self.mark("progress", now_s, events, note)

    def extend(self, kind: SpanKind, now_s: float, events: int = 1) -> None:
        self.begin(kind, now_s, events)

    def end(self, now_s: float, events: int = 0) -> None:
        self.begin("run", now_s, events)


def cut(text: str, chars: int) -> str:
    """Return the text with at most this number of characters."""
    return text if len(text) <= chars else f"{text[: chars - 1]}…"
