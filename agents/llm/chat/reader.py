"""A chat stream, or a whole completion, read into deltas."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from agents.core.deltas import Delta, Finished, FinishReason, ReasoningDelta, RefusalDelta, TextDelta
from agents.core.errors import ParseError
from agents.llm.chat.calls import Call, Calls, Nameless
from agents.llm.chat.chunk import Choice, ChoiceDelta, Chunk, chunk_of, reasoning_of, refusal_of, text_of, thinking_of
from agents.llm.chat.reasoning import ReasoningFields
from agents.llm.faults import error_in_stream
from agents.llm.reader import StreamReader, json_of
from agents.llm.sse import LIMIT_BYTES, ErrorData
from agents.llm.text import REPLACEMENT, TextKind, joined_surrogates, safe
from agents.llm.usage import read_usage

REASONS = {
    "stop": FinishReason.STOP,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,  # Mistral: the context is full
    "content_filter": FinishReason.CONTENT_FILTER,
}
CUT = (FinishReason.LENGTH, FinishReason.CONTENT_FILTER)

_decode = msgspec.json.Decoder(Chunk).decode


def read_completion(body: bytes, new_id: Callable[[], str]) -> list[Delta]:
    """The body of an answer that was not asked to stream, in the deltas of a stream."""
    reader = ChatReader(new_id)
    return reader.feed(body) + reader.end()


class ChatReader(StreamReader):
    """Reads the answer to a request with n=1.

    Where more choices come all the same, the first is read. An index that rises with every chunk (Foundry Local) is a
    counter and no choice: until an index comes again, or two in one chunk, whatever comes is read.
    """

    def __init__(self, new_id: Callable[[], str], limit_bytes: int = LIMIT_BYTES) -> None:
        super().__init__(new_id, limit_bytes)
        self._calls = Calls(new_id)
        self._reasoning = ReasoningFields()
        self._choice_index: int | None = -1  # the choice that is read, once an index has come twice
        self._indexes: list[int | None] = []
        self._spoke = False
        self._message: ChoiceDelta | None = None
        self._raw_reason: str | None = None
        self._usage: Any = None
        self._model: str | None = None
        self._response_id: str | None = None
        self._origin_known = False

    @property
    def settled(self) -> bool:
        return self._ended or self._raw_reason is not None

    def _read(self, payloads: Sequence[bytes], deltas: list[Delta]) -> None:
        for payload in payloads:
            try:
                chunk = _decode(payload)
            except (ValueError, RecursionError):
                self._read_odd(payload, deltas)
            else:
                if chunk.choices and not chunk.error:
                    self._fold(chunk, deltas)
                else:
                    self._fold_odd(chunk, json_of(payload), deltas, named_error=isinstance(payload, ErrorData))
            if self._ended:
                return

    def _read_value(self, value: Any, payload: bytes, deltas: list[Delta]) -> None:
        chunk = chunk_of(value)
        if chunk.choices and not chunk.error:
            self._fold(chunk, deltas)
        else:
            self._fold_odd(chunk, value, deltas, named_error=isinstance(payload, ErrorData))

    def _read_document(self, value: Any, deltas: list[Delta]) -> None:
        if isinstance(value, dict) and isinstance(value.get("choices"), list) and not value.get("error"):
            self._fold(chunk_of(value), deltas)
            if not self._ended:
                self._finish(deltas)

    def _done(self, deltas: list[Delta]) -> None:
        self._finish(deltas)

    def _fold(self, chunk: Chunk, deltas: list[Delta]) -> None:
        if chunk.usage and chunk.usage.__class__ is dict:
            self._usage = chunk.usage
        if chunk.x_groq is not None or not self._origin_known:
            self._note_rest(chunk)
        choices = chunk.choices or ()
        if len(choices) > 1:
            self._choose([*self._indexes, *[choice.index for choice in choices]])
        for choice in choices:
            if choice.index != self._choice_index and not self._is_read(choice.index):
                continue
            if choice.delta is not None:
                self._fold_delta(choice.delta, deltas)
            if choice.finish_reason or choice.message is not None or choice.error:
                self._fold_end(choice, deltas)
            if self._ended:
                return

    def _fold_end(self, choice: Choice, deltas: list[Delta]) -> None:
        if choice.message is not None:
            self._message = choice.message
        if choice.finish_reason and isinstance(choice.finish_reason, str):
            self._raw_reason = joined_surrogates(choice.finish_reason)
        if choice.error:
            self._fail(error_in_stream({"error": choice.error}), deltas)

    def _fold_delta(self, delta: ChoiceDelta, deltas: list[Delta]) -> None:
        content = delta.content
        if delta.reasoning_content or delta.reasoning or delta.reasoning_text or delta.reasoning_details:
            self._say(ReasoningDelta, reasoning_of(delta), deltas)
            self._reasoning.note(delta)
        if content:
            if content.__class__ is str and self._halves is None:
                self._spoke = True
                deltas.append(TextDelta(content))
            else:
                self._say(ReasoningDelta, thinking_of(content), deltas)
                self._say(TextDelta, text_of(content), deltas)
        if delta.refusal or content.__class__ is list:
            self._say(RefusalDelta, refusal_of(delta), deltas)
        if delta.tool_calls.__class__ is list:
            self._spoke = True
            for piece in delta.tool_calls:
                self._calls.add(piece, self._raw_reason is not None, self._halves, deltas)

    def _say(self, kind: TextKind, text: str, deltas: list[Delta]) -> None:
        if self._halves is not None:
            text = self._halves.join(kind, text)
        if text:
            self._spoke = True
            deltas.append(kind(text))

    def _fold_odd(self, chunk: Chunk, value: Any, deltas: list[Delta], *, named_error: bool) -> None:
        """A chunk without choices: usage, a filter's verdict, a ping; or an error in one of its shapes."""
        groq = chunk.x_groq if isinstance(chunk.x_groq, dict) else {}
        if chunk.error or groq.get("error") or named_error or _is_error(value):
            self._fail(error_in_stream(value), deltas)
        else:
            self._fold(chunk, deltas)

    def _note_rest(self, chunk: Chunk) -> None:
        """Model and id as the first chunk names them that does: later ones may change or be empty."""
        if isinstance(chunk.x_groq, dict):
            self._usage = chunk.x_groq.get("usage") or self._usage
        if self._model is None and isinstance(chunk.model, str) and chunk.model:
            self._model = joined_surrogates(chunk.model)
        if self._response_id is None and isinstance(chunk.id, str) and chunk.id:
            self._response_id = joined_surrogates(chunk.id)
        self._origin_known = self._model is not None and self._response_id is not None

    def _is_read(self, index: int | None) -> bool:
        if self._choice_index != -1:
            return False
        if index in self._indexes:
            self._choose(self._indexes)
            return index == self._choice_index
        self._indexes.append(index)
        return True

    def _choose(self, indexes: list[int | None]) -> None:
        self._choice_index = min(indexes, key=lambda index: index or 0)

    def _finish(self, deltas: list[Delta]) -> None:
        if self._message is not None and not self._spoke:
            self._fold_delta(self._message, deltas)
        for channel in self._halves.rest() if self._halves else ():
            if isinstance(channel, Call):
                channel.pieces.append(REPLACEMENT)
            else:
                deltas.append(channel(REPLACEMENT))
        try:
            self._calls.finish(deltas)
        except Nameless:
            self._fail(ParseError("expected the name of a tool call, got only its arguments"), deltas)
            return
        self._ended = True
        deltas.append(self._finished())

    def _finished(self) -> Finished:
        raw = self._raw_reason
        reason = None if raw is None else REASONS.get(raw.lower(), FinishReason.OTHER)
        if self._calls and reason is FinishReason.STOP:
            reason = FinishReason.TOOL_CALLS
        return Finished(
            reason,
            raw_reason=raw,
            usage=read_usage(self._usage),
            response_id=self._response_id,
            model=self._model,
            complete=reason not in CUT and raw != "error",
            items=self._reasoning.items() if self._halves is None else tuple(safe(self._reasoning.items())),
        )


def _is_error(value: Any) -> bool:
    return isinstance(value, dict) and "error" in (value.get("type"), value.get("object"))
