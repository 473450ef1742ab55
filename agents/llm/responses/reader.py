"""Read a Responses stream or a whole response into deltas.

Custom tool calls (free text instead of JSON) are opaque items. Requests offer function tools only, so a provider runs
its custom tools itself (xAI's search). The item only has to go back in its place.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from agents.core.deltas import Delta, Finished, FinishReason, TextDelta
from agents.core.errors import Fault, ParseError
from agents.core.finish import reason_of
from agents.core.sse import LIMIT_BYTES
from agents.llm.faults import error_in_stream, is_error
from agents.llm.leaf import key_of, text_in
from agents.llm.reader import StreamReader, json_of
from agents.llm.responses.calls import Calls, CallState
from agents.llm.responses.ending import failure, incomplete_reason, is_opaque, was_cut
from agents.llm.responses.event import DELTAS, DONE, PART_DONE, ResponsesEvent, event_of, items_of, number_of
from agents.llm.responses.items import DoneItems, distinct
from agents.llm.responses.texts import Texts
from agents.llm.sse import ErrorData
from agents.llm.text import REPLACEMENT, TextKind, joined_surrogates, safe
from agents.llm.usage import read_usage

_TERMINAL = {
    "response.completed": "completed",
    "response.done": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
}
ERROR = "response.error"
_UNFINISHED = ("queued", "in_progress")

_decode = msgspec.json.Decoder(ResponsesEvent).decode


def read_response(body: bytes, new_id: Callable[[], str]) -> list[Delta]:
    """Return the deltas of an answer that was requested without streaming."""
    reader = ResponsesReader(new_id)
    return reader.feed(body) + reader.end()


class ResponsesReader(StreamReader):
    """A reader of one response. The first event may be any event: each event adds the state that it needs.

    Only deltas add text. At the end, the reader compares the text with the done items and the final output: texts.py.

    background: the provider numbers its events and continues without a connection. After a break, the caller requests
    the later events with response_id and sequence_number. It calls resume() before it feeds them.
    """

    def __init__(self, new_id: Callable[[], str], limit_bytes: int = LIMIT_BYTES, *, background: bool = False) -> None:
        super().__init__(new_id, limit_bytes)
        self.sequence_number = -1
        self.background = background
        self._calls = Calls(new_id)
        self._texts = Texts()
        self._done_items = DoneItems()
        self._origin: dict[str, Any] = {}
        # The place of the last text delta. The next delta nearly always has the same place.
        self._type: str | None = None
        self._kind: TextKind = TextDelta
        self._output_index: Any = None
        self._content_index: Any = None
        self._part: list[str] = []

    @property
    def response_id(self) -> str | None:
        found: str | None = self._origin.get("id")
        return found

    @property
    def resumable(self) -> bool:
        return self.background and self.sequence_number >= 0 and self.response_id is not None

    def resume(self) -> str:
        """Prepare for the bytes of the next connection, and return the id for its request.

        Repeated events are skipped. The caller checks first that the reader is resumable.
        """
        self.begin_body()
        return self.response_id or ""

    def _read(self, payloads: Sequence[bytes], deltas: list[Delta]) -> None:
        if self.background:
            payloads = self._new_ones(payloads)
        for payload in payloads:
            try:
                event = _decode(payload)
            except (ValueError, RecursionError):
                self._read_odd(payload, deltas)
            else:
                if (
                    event.type == self._type
                    and event.output_index == self._output_index
                    and event.content_index == self._content_index
                    and self._halves is None
                    and event.delta.__class__ is str
                    and event.delta
                ):
                    self._part.append(event.delta)
                    deltas.append(self._kind(event.delta))
                elif isinstance(payload, ErrorData):
                    self._fail(error_in_stream(json_of(payload)), deltas)
                else:
                    self._fold(event, payload, deltas)
            if self._ended:
                return

    def _new_ones(self, payloads: Sequence[bytes]) -> list[bytes]:
        found = []
        for payload in payloads:
            number = number_of(payload)
            if number is None or number > self.sequence_number:
                found.append(payload)
                self.sequence_number = self.sequence_number if number is None else number
        return found

    def _read_value(self, value: Any, payload: bytes, deltas: list[Delta]) -> None:
        if isinstance(payload, ErrorData):
            self._fail(error_in_stream(value), deltas)
        else:
            self._fold(event_of(value), payload, deltas)

    def _read_document(self, value: Any, deltas: list[Delta]) -> None:
        if not isinstance(value, dict) or value.get("status") in _UNFINISHED:
            return
        if isinstance(value.get("output"), list) or value.get("object") == "response":
            self._conclude(str(value.get("status") or "completed"), value, deltas)

    def _fold(self, event: ResponsesEvent, payload: bytes, deltas: list[Delta]) -> None:
        kind = DELTAS.get(event.type)
        if kind is not None:
            self._add_text(kind, event, deltas)
        elif event.type in _TERMINAL:
            response = event.response if isinstance(event.response, dict) else {}
            if event.error and not response.get("error"):
                response = {**response, "error": event.error}
            self._conclude(str(response.get("status") or _TERMINAL[event.type]), response, deltas)
        elif event.type == ERROR or not event.type.startswith("response."):
            value = json_of(payload)
            if event.type == ERROR or is_error(value):
                self._fail(error_in_stream(value), deltas)
            else:
                self._note_remark(value)
        else:
            self._fold_item(event, payload, deltas)

    def _fold_item(self, event: ResponsesEvent, payload: bytes, deltas: list[Delta]) -> None:
        """Read an event about an item, a part or the response. Unknown types, which are most types, are ignored."""
        key, item = key_of(event.output_index), event.item if isinstance(event.item, dict) else {}
        is_call = item.get("type") == "function_call"
        match event.type:
            case "response.function_call_arguments.delta" if event.delta is not None:
                self._calls.add(key, event.item_id, event.delta, self._halves, deltas)
            case "response.function_call_arguments.done":
                self._calls.note_snapshot(key, event.item_id, event.arguments)
            case "response.output_item.added" if is_call:
                self._calls.begin(key, item, deltas)
            case "response.output_item.done" if item:
                self._done_items.add(key, item)
                if is_call:
                    self._calls.complete(key, item, deltas)
            case kind if kind in DONE or kind in PART_DONE:
                self._texts.note_done(json_of(payload))
        if isinstance(event.response, dict):
            self._note_origin(event.response)

    def _add_text(self, kind: TextKind, event: ResponsesEvent, deltas: list[Delta]) -> None:
        text = text_in(event.delta)
        if not text:
            return
        key = (kind, key_of(event.output_index), key_of(event.content_index), key_of(event.summary_index))
        self._kind, self._part = kind, self._texts.piece(key)
        self._output_index, self._content_index = event.output_index, event.content_index
        # The fast path does not distinguish parts of a summary, and does not hold text back.
        self._type = event.type if event.summary_index is None and not self._texts.held else None
        text = text if self._halves is None else self._halves.join(key, text)
        if text:
            self._part.append(text)
            if not self._texts.held:
                deltas.append(kind(text))

    def _skip(self, unreadable: ParseError, deltas: list[Delta]) -> None:
        self._texts.held = True
        self._type = None
        super()._skip(unreadable, deltas)

    def _fail(self, fault: Fault, deltas: list[Delta]) -> None:
        if not self._ended:
            deltas += self._texts.missing(distinct(self._items_done()), None)
        super()._fail(fault, deltas)

    def _note_origin(self, response: dict[str, Any]) -> None:
        """Note the id and the model. The id may change between events (GitHub Copilot): the last one is valid."""
        named = {name: response[name] for name in ("id", "model") if isinstance(response.get(name), str)}
        self._origin |= {name: joined_surrogates(value) for name, value in named.items()}

    def _conclude(self, status: str, response: dict[str, Any], deltas: list[Delta]) -> None:
        if self._halves is not None:
            response = safe(response)
        self._note_origin(response)
        items = distinct(items_of(response.get("output")) or self._items_done())
        self._flush_halves(deltas)
        deltas += self._texts.missing(items, response.get("output_text"))
        if (fault := failure(status, response)) is not None:
            self._fail(fault, deltas)
            return
        items = self._calls.settle(items, deltas)
        if self._skipped and not (self._calls.vouched and (items or self._texts or self._calls)):
            # A piece of a call's arguments may be lost, or all of the answer.
            self._fail(self._skipped[0], deltas)
            return
        self._finish_with(self._finished(status, response, items), deltas)

    def _items_done(self) -> list[dict[str, Any]]:
        items = self._done_items.in_order()
        return items if self._halves is None else items_of(safe(items))

    def _flush_halves(self, deltas: list[Delta]) -> None:
        for channel in self._halves.rest() if self._halves else ():
            if isinstance(channel, CallState):
                channel.arguments.add(REPLACEMENT)
            else:
                self._texts.piece(channel).append(REPLACEMENT)
                deltas.append(channel[0](REPLACEMENT))

    def _finished(self, status: str, response: dict[str, Any], items: list[dict[str, Any]]) -> Finished:
        reason, raw = (FinishReason.TOOL_CALLS if self._calls else FinishReason.STOP), status
        cut = next((item["status"] for item in items if was_cut(item)), None)
        complete = status != "incomplete" and cut is None
        if not complete:
            raw = incomplete_reason(response) or str(cut or status)
            reason = reason_of(raw) or FinishReason.OTHER
        return Finished(
            reason,
            raw_reason=raw,
            usage=read_usage(response.get("usage")),
            response_id=self._origin.get("id"),
            model=self._origin.get("model"),
            complete=complete,
            skipped=tuple(skipped.message for skipped in self._skipped),
            lossy=bool(self._skipped) and not self._texts.repaired,
            items=tuple(items) if any(is_opaque(item) for item in items) else (),
        )
