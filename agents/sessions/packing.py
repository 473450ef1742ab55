"""The compact form of events in a row: what they share is written once.

A row's payload is a list of runs in MessagePack. A run has consecutive events of one kind and attempt: their times and
their texts. An event without a text of its own, such as a result, is JSON in a run. The stream's id and the seqs are
the row's. A packed row is such a list, compressed. Older versions wrote a row as a JSON list of its events. The first
byte shows the form: no two forms begin with the same byte.
"""

import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import groupby
from math import isfinite
from types import NoneType
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Struct

from agents.core.events import Event, StreamFunctionArgumentsDelta, StreamReasoning, StreamToken
from agents.sessions.errors import StoreDamaged
from agents.sessions.payload import Decoder

JSON: Final = b"["
COMPRESSED: Final = b"x"
LARGEST: Final = 4 * 2**20
"""Bytes of the largest list of runs that is compressed. Reading a row needs no more memory, whatever the row claims."""

SECOND: Final = 2**22
"""Times are whole multiples of 1/SECOND: a float between 2**30 and 2**31 has 22 bits after the point."""

Time: TypeAlias = int | float | None
Key: TypeAlias = tuple["type[TextRun]", int, int]


class TextRun(Struct, array_like=True, gc=False):
    """Events with a text. index: of arguments, else 0. times: of each event.

    A time is a float or None. An int is the distance from the time before it, and the first int from 1970, in 1/SECOND.
    """

    attempt: int
    index: int
    times: list[Time]
    texts: list[str]


class TokenRun(TextRun, gc=False, tag=0):
    """Events of the kind StreamToken."""


class ThoughtRun(TextRun, gc=False, tag=1):
    """Events of the kind StreamReasoning."""


class ArgumentRun(TextRun, gc=False, tag=2):
    """Events of the kind StreamFunctionArgumentsDelta."""


class OtherRun(Struct, array_like=True, gc=False, tag=3):
    """Other events. events: as JSON."""

    events: bytes


Run: TypeAlias = TokenRun | ThoughtRun | ArgumentRun | OtherRun

_EVENTS: Final[Decoder[list[Event]]] = Decoder(list[Event])
_ENCODER: Final = msgspec.msgpack.Encoder()
_RUNS: Final[msgspec.msgpack.Decoder[list[Run]]] = msgspec.msgpack.Decoder(list[Run])


def written(stream_id: str, events: list[Event]) -> bytes:
    """Return the payload of a row with these events. Raises NotData."""
    runs: list[Run] = []
    for key, some in groupby(events, partial(_key, stream_id)):
        if key is None:
            runs.append(OtherRun(_EVENTS.written(list(some))))
        else:
            kind, attempt, index = key
            pairs: list[tuple[Time, str]] = [(event.at, _text(event)) for event in some]
            runs.append(kind(attempt, index, [at for at, _ in pairs], [text for _, text in pairs]))  # type: ignore[arg-type]
    try:
        return _ENCODER.encode(runs)
    except UnicodeEncodeError:  # MessagePack has no lone surrogate, and our JSON has
        return _ENCODER.encode([OtherRun(_EVENTS.written(events))])


def read(stream_id: str, first_seq: int, payload: Any) -> list[Event]:
    """Return the events of a row. Raises StoreDamaged."""
    if not isinstance(payload, bytes):
        raise StoreDamaged(f"the store is damaged: expected bytes, got {type(payload).__name__}")
    if payload[:1] == JSON:
        return _EVENTS(payload)
    events: list[Event] = []
    for run in runs_of(payload):
        if isinstance(run, OtherRun):
            events += _EVENTS(run.events)
        else:
            events += _events(stream_id, first_seq + len(events), run)
    return events


def runs_of(payload: bytes) -> list[Run]:
    """Return the runs of a payload, each with as many times as texts. Raises StoreDamaged."""
    try:
        runs = _RUNS.decode(_decompressed(payload) if payload[:1] == COMPRESSED else payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, zlib.error) as error:
        raise StoreDamaged(f"the store is damaged: {' '.join(str(error).split())}") from None
    for run in runs:
        if isinstance(run, TextRun):
            if run.times and type(run.times[0]) is int:
                run.times = list(_times(run.times))
            if len(run.times) != len(run.texts):
                raise StoreDamaged("the store is damaged: a run of events has not as many times as texts")
    return runs


def packed(runs: Iterable[Run]) -> bytes:
    """Return the runs of consecutive rows as the payload of one row. The runs are used up."""
    joined: list[Run] = []
    for run in runs:
        last = joined[-1] if joined else None
        if isinstance(run, OtherRun) or type(last) is not type(run) or not isinstance(last, TextRun):
            joined.append(run)
        elif (last.attempt, last.index) == (run.attempt, run.index):
            last.times += run.times
            last.texts += run.texts
        else:
            joined.append(run)
    for run in joined:
        if isinstance(run, TextRun):
            run.times = _distances(run.times)
    plain = _ENCODER.encode(joined)
    small = zlib.compress(plain) if len(plain) <= LARGEST else plain
    return small if len(small) < len(plain) else plain


def _key(stream_id: str, event: Event) -> Key | None:
    """Return the kind of a run that this event may be in, with what its events share, or None for JSON."""
    index = 0
    match event:
        case StreamToken():
            kind: type[TextRun] = TokenRun
        case StreamReasoning():
            kind = ThoughtRun
        case StreamFunctionArgumentsDelta():
            kind, index = ArgumentRun, event.index
        case _:
            return None
    plain = event.joined == 1 and event.stream_id == stream_id and type(_text(event)) is str
    if not plain or type(event.attempt) is not int or type(index) is not int or not _is_time(event.at):
        return None
    return kind, event.attempt, index


def _is_time(at: Any) -> bool:
    return type(at) is NoneType or (type(at) is float and isfinite(at))


def _text(event: Any) -> Any:
    text: str = (
        event.token if type(event) is StreamToken else event.text if type(event) is StreamReasoning else event.delta
    )
    return text


def _events(stream_id: str, seq: int, run: TextRun) -> Iterator[Event]:
    attempt, index = run.attempt, run.index
    for number, (at, text) in enumerate(zip(run.times, run.texts, strict=True), seq):
        match run:
            case TokenRun():
                yield StreamToken(text, stream_id=stream_id, seq=number, attempt=attempt, at=at)
            case ThoughtRun():
                yield StreamReasoning(text, stream_id=stream_id, seq=number, attempt=attempt, at=at)
            case _:
                yield StreamFunctionArgumentsDelta(index, text, stream_id=stream_id, seq=number, attempt=attempt, at=at)


def _times(times: list[Time]) -> Iterator[float | None]:
    units = 0
    for at in times:
        if type(at) is int:
            units += at
            yield units / SECOND
        else:
            yield at


def _distances(times: list[Time]) -> list[Time]:
    """Return the times as distances, unless that would change one."""
    units: list[int] = []
    for at in times:
        exact = at * SECOND if type(at) is float else 0.5
        if not exact.is_integer() or abs(exact) >= 2**62:
            return times
        units.append(int(exact))
    return [now - before for before, now in zip([0, *units], units, strict=False)]


def _decompressed(payload: bytes) -> bytes:
    unzip = zlib.decompressobj()
    plain = unzip.decompress(payload, LARGEST)
    if not unzip.eof:
        raise StoreDamaged("the store is damaged: a row of events ends too early")
    return plain
