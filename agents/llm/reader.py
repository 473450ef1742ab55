"""The base of both APIs' readers: it detects the kind of body, reads odd payloads, and gives exactly one end.

    feed(chunk)* end()            the stream ended
    feed(chunk)* break_off(fault) the stream broke off

Each method returns deltas. A reader's last delta is Finished or Failed: afterwards each method returns an empty list.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from agents.core.deltas import Delta, Failed, Finished
from agents.core.errors import ConnectionClosed, Fault, ParseError
from agents.core.sse import BOM, LIMIT_BYTES, EventTooLarge
from agents.llm.faults import EXCERPT_LIMIT, error_in_stream, has_words, is_error
from agents.llm.sse import ErrorData, SseDecoder
from agents.llm.text import Halves, joined_surrogates, one_line

DONE = b"[DONE]"
MOST_SKIPPED = 2
"""The most unreadable events in one answer. With more of them, the rest of the answer is not trusted."""

_JSON_START = ("{", "[", '"')
_DOCUMENT_START = (b"{", b"[", b"<")


class StreamReader(ABC):
    """A reader of one response body. new_id: makes an id for a call that came without one.

    events: the number of events with data so far. In a document, each piece counts as one event. An idle timer watches
    this number, since bytes may be comments and data may give no delta yet. fault: the fault of a failed answer.
    finished: the last delta of a whole answer. first_s: the moment of the first event with data.
    """

    def __init__(self, new_id: Callable[[], str], limit_bytes: int = LIMIT_BYTES) -> None:
        self.events = 0
        self.fault: Fault | None = None
        self.finished: Finished | None = None
        self.first_s: float | None = None
        self._new_id = new_id
        self._limit_bytes = limit_bytes
        self._decoder: SseDecoder
        self._payloads_of: Callable[[bytes], Sequence[bytes]]
        self._head: bytes  # the bytes before the kind of body is known
        self._document: list[bytes]  # the pieces of a body that is not an event stream
        self._document_bytes: int
        self.begin_body()
        self._halves: Halves | None = None  # set when a stream has a lone surrogate
        self._ended = False
        self._remark: Any = None  # the last event with a message that is neither an answer nor an error
        self._skipped: list[ParseError] = []  # one per skipped event: its data is not JSON

    @property
    def ended(self) -> bool:
        """True after Finished or Failed."""
        return self._ended

    @property
    def silent(self) -> bool:
        """True while at most blank lines and comments came."""
        return self.events == 0 and not self._document and self._decoder.silent

    @property
    def resumable(self) -> bool:
        """True if the rest of a broken answer can be requested, so that a closed connection does not end the answer."""
        return False

    @property
    def settled(self) -> bool:
        """True if the answer is whole. Only its trailer (usage, [DONE]) may follow, and a short wait is enough."""
        return self._ended

    def feed(self, chunk: bytes) -> list[Delta]:
        """Return the deltas that this chunk completes."""
        deltas: list[Delta] = []
        if self._ended:
            return deltas
        try:
            payloads = self._payloads_of(chunk)
            self.events += len(payloads)
            self._read(payloads, deltas)
        except EventTooLarge as too_large:
            self._read(too_large.events, deltas)
            self._close(ParseError(str(too_large)), deltas)
        return deltas

    def end(self) -> list[Delta]:
        """Return the last deltas after the connection closed in order. A resumable answer without an end stays open."""
        deltas: list[Delta] = []
        if not self._ended and self._document:
            self._read_document_body(b"".join(self._document), deltas)
        elif not self._ended:
            self._read([payload for payload in self._decoder.end() if _is_whole(payload)], deltas)
        if not self.resumable:
            self._close(ConnectionClosed(), deltas)
        return deltas

    def break_off(self, fault: Fault) -> list[Delta]:
        """Return the last deltas after the connection broke or was abandoned. A whole answer stays whole."""
        deltas: list[Delta] = []
        if not self._ended and self._document and json_of(body := b"".join(self._document)) is not None:
            self._read_document_body(body, deltas)
        self._close(fault, deltas)
        return deltas

    def begin_body(self) -> None:
        """Prepare for a new body. Incomplete data of the last body is dropped."""
        self._decoder = SseDecoder(self._limit_bytes)
        self._payloads_of = self._sniff
        self._head = b""
        self._document = []
        self._document_bytes = 0

    @abstractmethod
    def _read(self, payloads: Sequence[bytes], deltas: list[Delta]) -> None:
        """Read the data of these events until one of them ends the answer."""

    @abstractmethod
    def _read_value(self, value: Any, payload: bytes, deltas: list[Delta]) -> None:
        """Read the data of one event that does not have the usual types. value: the payload as JSON data."""

    @abstractmethod
    def _read_document(self, value: Any, deltas: list[Delta]) -> None:
        """Read a whole answer that was not streamed. Leave the reader open if the value is not an answer."""

    def _done(self, deltas: list[Delta]) -> None:
        """Close the answer after [DONE]."""
        self._close(ConnectionClosed(), deltas)

    def _close(self, fault: Fault, deltas: list[Delta]) -> None:
        """End the answer if it has not ended: no more of it comes, for the reason in fault."""
        if not self._ended:
            self._fail(self._cause_of(fault), deltas)

    def _cause_of(self, fault: Fault) -> Fault:
        """Return the fault. For a closed connection, prefer a more specific cause from what came earlier."""
        if isinstance(fault, ConnectionClosed):
            if self._skipped:
                return self._skipped[0]
            if self._remark is not None:
                return error_in_stream(self._remark)
            if prose := self._decoder.prose:
                return ParseError(f"expected an event stream, got {_excerpt(prose.decode('utf-8', 'replace'))!r}")
        return fault

    def _fail(self, fault: Fault, deltas: list[Delta]) -> None:
        if not self._ended:
            self._ended = True
            self.fault = fault
            deltas.append(Failed(fault))

    def _finish_with(self, finished: Finished, deltas: list[Delta]) -> None:
        self._ended = True
        self.finished = finished
        deltas.append(finished)

    def _sniff(self, chunk: bytes) -> list[bytes]:
        """Tell events from one document by the first byte, since a content type may be missing or wrong."""
        head = self._head + chunk
        first = head.removeprefix(BOM).lstrip()[:1]
        if not first or BOM.startswith(head):
            # A server may send blank lines while it works. One line is kept, since no byte order mark may follow it.
            blank = head.startswith((b"\r", b"\n"))
            self._head = b"\n" + head.lstrip(b"\r\n") if blank else head
            return []
        self._payloads_of = self._collect if first in _DOCUMENT_START else self._decoder.feed
        return list(self._payloads_of(head))

    def _collect(self, chunk: bytes) -> list[bytes]:
        self.events += 1
        self._document.append(chunk)
        self._document_bytes += len(chunk)
        if self._document_bytes > self._limit_bytes:
            raise EventTooLarge(self._limit_bytes)
        return []

    def _read_document_body(self, body: bytes, deltas: list[Delta]) -> None:
        body = body.removeprefix(BOM)
        value = json_of(body)
        self._halves = self._halves or Halves()
        self._read_document(value, deltas)
        if self._ended or not body.strip():
            return
        if is_error(value) or (isinstance(value, dict) and value.get("message")):
            self._fail(error_in_stream(value), deltas)
        else:
            text = _excerpt(body.decode("utf-8", "replace"))
            self._fail(ParseError(f"expected an event stream, got {text!r}"), deltas)

    def _read_odd(self, payload: bytes, deltas: list[Delta]) -> None:
        """Read data that the typed decoder refused: a marker, a comment as data, another shape, or invalid JSON."""
        bare = payload.strip()
        if bare.upper() == DONE:
            self._done(deltas)
        elif bare in (b"", b"null") or bare.startswith(b":"):
            return
        elif (value := json_of(payload)) is None:
            self._read_no_json(payload, deltas)
        else:
            self._halves = self._halves or Halves()
            self._read_value(value, payload, deltas)

    def _read_no_json(self, payload: bytes, deltas: list[Delta]) -> None:
        text, lines = payload.decode("utf-8", "replace"), payload.split(b"\n")
        if isinstance(payload, ErrorData):
            self._fail(error_in_stream(text), deltas)
        elif len(lines) > 1 and all(_is_whole(line) for line in lines):
            self._read(lines, deltas)  # the events came without blank lines between them
        elif not self.settled:  # else the answer is whole and this is its trailer
            unreadable = ParseError(f"expected JSON in an event, got {_excerpt(text)!r}")
            if text.lstrip()[:1] in _JSON_START:
                self._skip(unreadable, deltas)
            else:  # not a garbled chunk but a message of the server
                self._fail(unreadable, deltas)

    def _note_remark(self, value: Any) -> None:
        """Keep the message of an unknown event. If the answer has no end, this message is its fault."""
        if has_words(value):
            self._remark = value

    def _skip(self, unreadable: ParseError, deltas: list[Delta]) -> None:
        """Skip an event that was garbled or cut. The answer's end decides whether the answer fails."""
        self._skipped.append(unreadable)
        if len(self._skipped) > MOST_SKIPPED:
            self._fail(self._skipped[0], deltas)


def json_of(payload: bytes) -> Any:
    """Return the payload as JSON data, or None if it is invalid even with replaced characters."""
    try:
        return json.loads(payload.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def _is_whole(payload: bytes) -> bool:
    """Return whether the payload is JSON or the end marker, so that it was not cut."""
    return payload.strip() == DONE or json_of(payload) is not None


def _excerpt(text: str) -> str:
    return one_line(joined_surrogates(text), EXCERPT_LIMIT)
