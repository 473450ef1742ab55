"""The log of a stream: its events in order. The pieces of a long text are packed.

A token as an event takes 170 bytes of memory, and in a packed text 6 bytes and the time of its read, 8 bytes.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from operator import attrgetter
from typing import Any, Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from agents.core.backlog import TEXT, pieces_in, runs
from agents.core.events import Event, StreamToken

CHUNK: Final = 256
"""The events that are packed at once."""

FEW: Final = 8
"""The pieces of a text that take less memory unpacked."""

_SEQ: Final = attrgetter("seq")


class PackedText(Struct, frozen=True, gc=False):
    """Neighbouring pieces of one text. whole: the joined event. times: those of the pieces; None if all are equal."""

    whole: Event
    lengths: Sequence[int]
    times: Sequence[float] | None

    @property
    def seq(self) -> int:
        return self.whole.seq

    def after(self, seq: int) -> Event:
        """Return the pieces with a seq above this one, joined."""
        known = max(0, len(self.lengths) - (self.seq - seq))
        if not known:
            return self.whole
        text = self._text[sum(self.lengths[:known]) :]
        return self._event(text, joined=len(self.lengths) - known)

    def pieces(self) -> Iterator[Event]:
        """Yield the pieces as they were published."""
        text, first = self._text, self.seq - len(self.lengths) + 1
        ends = accumulate(self.lengths)
        for place, (length, end) in enumerate(zip(self.lengths, ends, strict=True)):
            at = self.whole.at if self.times is None else self.times[place]
            yield self._event(text[end - length : end], joined=1, seq=first + place, at=at)

    @property
    def _text(self) -> str:
        text: str = getattr(self.whole, TEXT[type(self.whole)])
        return text

    def _event(self, text: str, **fields: Any) -> Event:
        return replace(self.whole, **{TEXT[type(self.whole)]: text}, **fields)


Entry: TypeAlias = Event | PackedText


class EventLog:
    """The events of one stream."""

    __slots__ = ("_older", "_recent")

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._older: list[Entry] = []
        self._recent: list[Event] = []
        for event in events:
            self.append(event)

    def __iter__(self) -> Iterator[Event]:
        """Yield the events as they were published."""
        for entry in self._older:
            if isinstance(entry, PackedText):
                yield from entry.pieces()
            else:
                yield entry
        yield from self._recent

    def append(self, event: Event) -> None:
        recent = self._recent
        recent.append(event)
        if len(recent) == CHUNK:
            self._older += _packed(recent)
            self._recent = []

    @property
    def last(self) -> Event | None:
        """The last event, or the last text as one event."""
        if self._recent:
            return self._recent[-1]
        return _whole(self._older[-1]) if self._older else None

    @property
    def seq(self) -> int:
        """The seq of the last event; 0 before the first event."""
        return 0 if self.last is None else self.last.seq

    def joined(self) -> list[Event]:
        """Return the events, with each packed text as one event."""
        return [*map(_whole, self._older), *self._recent]

    def after(self, seq: int, limit: int) -> list[Event]:
        """Return the first events above this seq, at most limit of them, with each packed text as one event."""
        place = bisect_right(self._older, seq, key=_SEQ)
        found = [_after(entry, seq) for entry in self._older[place : place + limit]]
        place = bisect_right(self._recent, seq, key=_SEQ)
        return found + self._recent[place : place + limit - len(found)]


def _packed(events: list[Event]) -> Iterator[Entry]:
    one_text = {*map(type, events)} == {StreamToken} and events[0].attempt == events[-1].attempt
    for run in [events] if one_text else runs(events):  # nearly always one text: a tenth of a microsecond per event
        if len(run) >= FEW and (text := _packed_text(run)) is not None:
            yield text
        else:
            yield from run


def _packed_text(run: list[Event]) -> PackedText | None:
    """Pack the pieces of one text. Return None for pieces that were joined or stored by an older version."""
    first, last, times = run[0], run[-1], [event.at for event in run]
    same_time = times.count(last.at) == len(times)
    if pieces_in(first) > 1 or last.seq - first.seq + 1 != len(run) or (None in times and not same_time):
        return None
    field = TEXT[type(last)]
    texts: list[str] = [*map(attrgetter(field), run)]
    lengths = [*map(len, texts)]
    return PackedText(
        replace(last, **{field: "".join(texts), "joined": len(run)}),
        bytes(lengths) if max(lengths) < 256 else array("I", lengths),
        None if same_time else array("d", times),  # type: ignore[arg-type]  # checked above
    )


def _whole(entry: Entry) -> Event:
    return entry.whole if isinstance(entry, PackedText) else entry


def _after(entry: Entry, seq: int) -> Event:
    return entry.after(seq) if isinstance(entry, PackedText) else entry
