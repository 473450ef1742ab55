"""An answer, read while it passes: its tokens with their times, its calls, its usage, and how it ended."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

JSON = dict[str, Any]

TEXT, REASONING, ARGUMENTS = "text", "reasoning", "arguments"
DELTAS = {
    "response.output_text.delta": TEXT,
    "response.refusal.delta": TEXT,
    "response.reasoning_text.delta": REASONING,
    "response.reasoning_summary_text.delta": REASONING,
}
ENDS = {"response.completed": "stop", "response.incomplete": "length"}


@dataclass
class RecordedCall:
    name: str
    deltas: list[str] = field(default_factory=list)


@dataclass
class RecordedAnswer:
    """An answer so far.

    calls: by the key of their place. order: the kind of each token, or the place of its call. times_s: of each token.
    finish: stop, tool_calls or length; None before the end. error: of an error in the stream.
    """

    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    calls: dict[Any, RecordedCall] = field(default_factory=dict)
    order: list[Any] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    usage: JSON = field(default_factory=dict)
    finish: str | None = None
    error: JSON | None = None

    @property
    def ended(self) -> bool:
        return self.finish is not None or self.error is not None

    def token(self, kind: str, text: Any, now_s: float, place: Any = None) -> None:
        """Add a token. place: of the call that an ARGUMENTS token belongs to."""
        if not isinstance(text, str) or not text:
            return
        if kind == ARGUMENTS:
            self.calls.setdefault(place, RecordedCall("")).deltas.append(text)
        else:
            (self.text if kind == TEXT else self.reasoning).append(text)
        self.order.append(place if kind == ARGUMENTS else kind)
        self.times_s.append(now_s)


class AnswerReader:
    """Reads the bytes of an answer. feed gets each chunk with the time of its arrival, end the end of the bytes."""

    def __init__(self, *, responses: bool, streamed: bool) -> None:
        self.answer = RecordedAnswer()
        self._event = _responses_event if responses else _chat_event
        self._whole = _responses_whole if responses else _chat_whole
        self._streamed = streamed
        self._buffer = bytearray()

    def feed(self, chunk: bytes, now_s: float) -> None:
        self._buffer += chunk
        if self._streamed:
            *lines, rest = bytes(self._buffer).replace(b"\r\n", b"\n").split(b"\n")
            self._buffer[:] = rest
            for line in lines:
                if line.startswith(b"data:") and (event := _decoded(line[5:])) is not None:
                    self._take(self._event, event, now_s)

    def end(self, now_s: float) -> None:
        if not self._streamed and (body := _decoded(self._buffer)) is not None:
            self._take(self._whole, body, now_s)

    def _take(self, read: Any, data: JSON, now_s: float) -> None:
        try:
            read(self.answer, data, now_s)
        except (AttributeError, KeyError, IndexError, TypeError, ValueError):
            return  # a field of another type: the answer passes, and the record goes on with the next event


def _decoded(data: bytes | bytearray) -> JSON | None:
    try:
        decoded = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return decoded if isinstance(decoded, dict) else None


# Chat Completions


def _chat_event(answer: RecordedAnswer, event: JSON, now_s: float) -> None:
    if isinstance(event.get("error"), dict):
        answer.error = event["error"]
    if isinstance(event.get("usage"), dict):
        answer.usage = event["usage"]
    for choice in event.get("choices") or ():
        _chat_delta(answer, choice.get("delta") or {}, now_s)
        answer.finish = _finish(choice.get("finish_reason")) or answer.finish


def _chat_whole(answer: RecordedAnswer, body: JSON, now_s: float) -> None:
    choices = [{**choice, "delta": choice.get("message")} for choice in body.get("choices") or ()]
    _chat_event(answer, {**body, "choices": choices}, now_s)


def _chat_delta(answer: RecordedAnswer, delta: JSON, now_s: float) -> None:
    answer.token(REASONING, delta.get("reasoning_content") or delta.get("reasoning"), now_s)
    answer.token(TEXT, delta.get("content") or delta.get("refusal"), now_s)
    for number, call in enumerate(delta.get("tool_calls") or ()):
        place, function = call.get("index", number), call.get("function") or {}
        recorded = answer.calls.setdefault(place, RecordedCall(""))
        recorded.name = recorded.name or str(function.get("name") or "")
        answer.token(ARGUMENTS, function.get("arguments"), now_s, place)


def _finish(reason: Any) -> str | None:
    if reason in ("tool_calls", "function_call"):
        return "tool_calls"
    return "length" if reason == "length" else "stop" if isinstance(reason, str) and reason else None


# Responses


def _responses_event(answer: RecordedAnswer, event: JSON, now_s: float) -> None:
    kind, place, item = event.get("type"), event.get("output_index"), event.get("item") or {}
    if kind in DELTAS:
        answer.token(DELTAS[kind], event.get("delta"), now_s)
    elif kind == "response.output_item.added" and item.get("type") == "function_call":
        answer.calls[place] = RecordedCall(str(item.get("name")))
    elif kind == "response.function_call_arguments.delta":
        answer.token(ARGUMENTS, event.get("delta"), now_s, place)
    elif kind in ENDS:
        answer.usage, answer.finish = event["response"].get("usage") or {}, ENDS[kind]
    elif kind == "error":
        answer.error = {key: event.get(key) for key in ("code", "message")}
    elif kind == "response.failed":
        answer.error = answer.error or event["response"].get("error") or {}


def _responses_whole(answer: RecordedAnswer, body: JSON, now_s: float) -> None:
    if isinstance(body.get("error"), dict):
        answer.error = body["error"]
    for place, item in enumerate(body.get("output") or ()):
        if item.get("type") == "function_call":
            answer.calls[place] = RecordedCall(str(item.get("name")))
            answer.token(ARGUMENTS, item.get("arguments"), now_s, place)
        else:
            kind = REASONING if item.get("type") == "reasoning" else TEXT
            for part in _parts(item):
                answer.token(kind, part.get("text") or part.get("refusal"), now_s)
    answer.usage = body.get("usage") or {}
    if (status := body.get("status")) in ("completed", "incomplete"):
        answer.finish = ENDS[f"response.{status}"]


def _parts(item: JSON) -> Iterator[JSON]:
    yield from item.get("summary") or ()
    yield from item.get("content") or ()
