"""Server-sent events, decoded from bytes without I/O. Source: WHATWG HTML, 9.2.5 and 9.2.6.

Only what a model's stream needs: the data of each event. `id`, `retry` and comments are read and dropped; an event's
name matters where it is `error`, and then its data is an ErrorData. Beyond the grammar, a field named `error` (older
llama.cpp servers end a broken stream with one) counts as the data of an event of that name.

The stream is cut at blank lines as bytes and nothing is decoded to text here, so neither a character nor a line end
that is cut between two chunks can be mistaken.
"""

from collections.abc import Sequence

BOM = b"\xef\xbb\xbf"
LIMIT_BYTES = 64 * 1024 * 1024

_DATA = b"data: "
_NAME = b"event: "
_LF = 0x0A
_BETWEEN = b"\n\ndata: "
_FIELDS = (b"data", b"event", b"error", b"id", b"retry")
_PROSE_BYTES = 2000


class EventTooLarge(Exception):
    """An event passed the limit. payloads: data of the events that the same chunk completed before it."""

    def __init__(self, limit_bytes: int, payloads: Sequence[bytes] = ()) -> None:
        super().__init__(f"an event is larger than {limit_bytes} bytes")
        self.payloads = payloads


class ErrorData(bytes):
    """The data of an event named `error`."""


class SseDecoder:
    """feed() each chunk, then end() once; both answer with the data of the events that are complete."""

    __slots__ = (
        "_at_event_start", "_at_stream_start", "_ends_in_lf", "_limit_bytes", "_no_events", "_pieces", "_size",
        "_skip_lf",
    )  # fmt: skip

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._pieces: list[bytes] = []  # of the event that is not complete; joined once, when its blank line comes
        self._size = 0
        self._at_stream_start = True
        self._at_event_start = False  # true: all that came is read, and no byte order mark may follow
        self._ends_in_lf = False
        self._skip_lf = False
        self._no_events = b""  # the beginning of what was read and had no data

    def feed(self, chunk: bytes) -> list[bytes]:
        """Data of the events that this chunk completes, in order. Raises EventTooLarge.

        What nearly every chunk is, whole events and nothing more, needs none of the state.
        """
        if self._at_event_start and chunk.find(b"\r") < 0 and len(chunk) <= self._limit_bytes:
            if payload := _only_payload(chunk):
                return [payload]
            if chunk.endswith(b"\n\n"):
                return _payloads(chunk[:-2])
        return self._feed_any(chunk)

    @property
    def silent(self) -> bool:
        """Since the last complete event at most blank lines and comments came."""
        lines = b"".join(self._pieces).split(b"\n")
        return not self.prose and all(not line or line.startswith(b":") for line in lines)

    @property
    def prose(self) -> bytes:
        """The beginning of the lines that are in no event: what a server says that sends no event stream."""
        rest = b"".join([self._no_events, *self._pieces])[:_PROSE_BYTES].removeprefix(BOM)
        return b"" if BOM.startswith(rest) else b"\n".join(line for line in rest.split(b"\n") if not _in_grammar(line))

    def end(self) -> list[bytes]:
        """Data of an event that the end of the stream left without its blank line; whether to use it is the reader's.

        The grammar drops it; recorded streams and real servers end so often enough that its reader should look.
        """
        rest = b"".join(self._pieces)
        self._pieces = []
        return self._payloads_in(rest.removeprefix(BOM) if self._at_stream_start else rest)

    def _feed_any(self, chunk: bytes) -> list[bytes]:
        chunk = self._only_lf(chunk)
        if self._at_stream_start and not (chunk := self._without_bom(chunk)):
            return []
        self._at_event_start = False
        if b"\n\n" in chunk or (self._ends_in_lf and chunk.startswith(b"\n")):
            return self._complete(chunk)
        self._hold(chunk)
        return []

    def _only_lf(self, chunk: bytes) -> bytes:
        """CRLF and CR as LF. A CR ends its line at once; the LF that may open the next chunk belongs to it."""
        if self._skip_lf and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._skip_lf = False
        if b"\r" in chunk:
            self._skip_lf = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return chunk

    def _without_bom(self, chunk: bytes) -> bytes:
        """Nothing while the bytes so far are the beginning of a byte order mark; then all of them, without it."""
        head = b"".join(self._pieces) + chunk
        self._pieces = []
        if len(head) < len(BOM) and BOM.startswith(head):
            self._pieces = [head]
            return b""
        self._at_stream_start = False
        return head.removeprefix(BOM)

    def _complete(self, chunk: bytes) -> list[bytes]:
        whole, _, rest = b"".join([*self._pieces, chunk]).rpartition(b"\n\n")
        if len(whole) + len(rest) > self._limit_bytes:
            self._refuse_large([*whole.split(b"\n\n"), rest])
        self._pieces = []
        self._size = 0
        self._ends_in_lf = False
        self._at_event_start = not rest
        self._hold(rest)
        return self._payloads_in(whole)

    def _payloads_in(self, whole: bytes) -> list[bytes]:
        payloads = _payloads(whole)
        if not payloads and len(self._no_events) < _PROSE_BYTES:
            self._no_events += whole[:_PROSE_BYTES] + b"\n\n"
        return payloads

    def _refuse_large(self, events: list[bytes]) -> None:
        for position, event in enumerate(events):
            if len(event) > self._limit_bytes:
                raise EventTooLarge(self._limit_bytes, _payloads(b"\n\n".join(events[:position])))

    def _hold(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)
            self._size += len(piece)
            self._ends_in_lf = piece.endswith(b"\n")
        if self._size > self._limit_bytes + 1:  # 1: the line end that may turn out to be the event's own
            raise EventTooLarge(self._limit_bytes)


def _in_grammar(line: bytes) -> bool:
    """A blank line, a comment, a field that is known, or the beginning of one."""
    field, colon, _ = line.partition(b":")
    return field in _FIELDS or (not colon and any(known.startswith(field) for known in _FIELDS)) or not field


def _only_payload(chunk: bytes) -> bytes:
    """Data of a chunk that is one event of one line of data, with or without a line of its name; else nothing."""
    start, end, last = 0, chunk.find(b"\n"), len(chunk) - 2
    if end < last and chunk.startswith(_NAME) and chunk[7:end] != b"error":
        start, end = end + 1, chunk.find(b"\n", end + 1)
    if end == last and chunk.startswith(_DATA, start) and chunk[-1] == _LF:
        return chunk[start + 6 : end]
    return b""


def _payloads(whole: bytes) -> list[bytes]:
    """Data of all events in whole, whose line ends are LF; events without data give nothing.

    Events of one line of data, with or without a line of their name before it, cost hardly a step of the interpreter.
    """
    if whole.startswith(_DATA):
        payloads = whole[6:].split(_BETWEEN)
        if whole.count(b"\n") == 2 * len(payloads) - 2 and b"" not in payloads:
            return payloads
    lines = whole.split(b"\n")
    if whole.startswith(_NAME) and (payloads := _payloads_of_named(lines)):
        return payloads
    return [payload for event in whole.split(b"\n\n") if (payload := _payload(event.split(b"\n")))]


def _payloads_of_named(lines: list[bytes]) -> list[bytes]:
    """Data of events that are a line with a name and a line with data each; nothing if one of them is not."""
    names, data = lines[::3], lines[1::3]
    if len(lines) % 3 != 2 or any(lines[2::3]) or {line[:6] for line in data} != {_DATA}:
        return []
    if not all(name.startswith(_NAME) and name != b"event: error" for name in set(names)):
        return []
    return [] if _DATA in data else [line[6:] for line in data]


def _payload(lines: list[bytes]) -> bytes:
    """The grammar, line by line: a field's name goes up to the first colon, one space after it is dropped."""
    data: list[bytes] = []
    named_error = False
    for line in lines:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field in (b"data", b"error"):
            data.append(value)
        if field == b"event":
            named_error = value == b"error"
        elif field == b"error":
            named_error = True
    payload = b"\n".join(data)
    return ErrorData(payload) if named_error else payload
