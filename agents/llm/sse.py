"""The server-sent events of a model's stream. Source: WHATWG HTML, 9.2.5 and 9.2.6.

A model's stream needs only the data of each event. The decoder drops `id`, `retry` and comments. If an event's name is
`error`, its data is an ErrorData. Other names are dropped. Beyond the grammar, a field named `error` counts as the data
of an event of that name: older llama.cpp servers end a broken stream with such a field.
"""

from agents.core.sse import BOM, LIMIT_BYTES, EventDecoder, field_of

_DATA = b"data: "
_NAME = b"event: "
_LF = 0x0A
_BETWEEN = b"\n\ndata: "
_FIELDS = (b"data", b"event", b"error", b"id", b"retry")
_PROSE_BYTES = 2000


class ErrorData(bytes):
    """The data of an event named `error`."""


class SseDecoder(EventDecoder[bytes]):
    """A decoder: feed() takes each chunk, end() comes once at the end. Both return the data of the complete events."""

    __slots__ = ("_prose",)

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        super().__init__(limit_bytes)
        self._prose = b""  # the first lines outside the grammar, in events without data

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the data of the events that this chunk completes, in order. Raises EventTooLarge.

        Nearly every chunk consists of whole events. Such a chunk is read without the decoder's state.
        """
        if self._at_event_start and chunk.find(b"\r") < 0 and len(chunk) <= self._limit_bytes:
            if payload := _only_payload(chunk):
                return [payload]
            if chunk.endswith(b"\n\n"):
                return self._events_in(chunk[:-2])
        return super().feed(chunk)

    @property
    def silent(self) -> bool:
        """True if at most blank lines and comments came after the last complete event."""
        lines = b"".join(self._pieces).split(b"\n")
        return not self._prose and all(not line or line.startswith(b":") for line in lines)

    @property
    def prose(self) -> bytes:
        """The first lines outside the grammar, in events without data: the text of a server that sends no events."""
        rest = b"" if self._at_stream_start else b"".join(self._pieces)
        return (self._prose + _prose_of(rest))[:_PROSE_BYTES].rstrip(b"\n")

    def end(self) -> list[bytes]:
        """Return the data of a last event without its blank line. The reader decides whether to use it.

        The grammar drops such an event, but recorded streams and real servers end with one often enough.
        """
        rest = b"".join(self._pieces)
        self._pieces = []
        return self._events_in(rest.removeprefix(BOM) if self._at_stream_start else rest)

    def _events_in(self, whole: bytes) -> list[bytes]:
        """Return the data of all events in bytes with LF line ends. An event without data may have prose."""
        if payloads := _regular_payloads(whole):
            return payloads
        for event in whole.split(b"\n\n"):
            if payload := _payload(event.split(b"\n")):
                payloads.append(payload)
            elif len(self._prose) < _PROSE_BYTES:
                self._prose = (self._prose + _prose_of(event))[:_PROSE_BYTES]
        return payloads


def _prose_of(event: bytes) -> bytes:
    """Return an event's lines outside the grammar, each with a line end."""
    return b"".join(line + b"\n" for line in event.split(b"\n") if not _in_grammar(line))


def _in_grammar(line: bytes) -> bool:
    """Return whether a line is blank, a comment, or a known field or its beginning."""
    field, colon, _ = line.partition(b":")
    return field in _FIELDS or (not colon and any(known.startswith(field) for known in _FIELDS)) or not field


def _only_payload(chunk: bytes) -> bytes:
    """Return the data of a chunk with one event of one data line, with or without a name line, else nothing."""
    start, end, last = 0, chunk.find(b"\n"), len(chunk) - 2
    if end < last and chunk.startswith(_NAME) and chunk[7:end] != b"error":
        start, end = end + 1, chunk.find(b"\n", end + 1)
    if end == last and chunk.startswith(_DATA, start) and chunk[-1] == _LF:
        return chunk[start + 6 : end]
    return b""


def _regular_payloads(whole: bytes) -> list[bytes]:
    """Return the data of events that have one data line each, with or without a name line each, else nothing.

    It takes few interpreter steps.
    """
    if whole.startswith(_DATA):
        payloads = whole[6:].split(_BETWEEN)
        if whole.count(b"\n") == 2 * len(payloads) - 2 and b"" not in payloads:
            return payloads
    return _payloads_of_named(whole.split(b"\n")) if whole.startswith(_NAME) else []


def _payloads_of_named(lines: list[bytes]) -> list[bytes]:
    """Return the data of events with a name line and a data line each, or nothing if an event has other lines."""
    names, data = lines[::3], lines[1::3]
    if len(lines) % 3 != 2 or any(lines[2::3]) or {line[:6] for line in data} != {_DATA}:
        return []
    if not all(name.startswith(_NAME) and name != b"event: error" for name in set(names)):
        return []
    return [] if _DATA in data else [line[6:] for line in data]


def _payload(lines: list[bytes]) -> bytes:
    """Read one event by the grammar."""
    data: list[bytes] = []
    named_error = False
    for line in lines:
        field, value = field_of(line)
        if field in (b"data", b"error"):
            data.append(value)
        if field == b"event":
            named_error = value == b"error"
        elif field == b"error":
            named_error = True
    payload = b"\n".join(data)
    return ErrorData(payload) if named_error else payload
