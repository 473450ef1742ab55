"""Read a chat stream or a whole completion into deltas."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from agents.core.deltas import Delta, FinishReason, ReasoningDelta, RefusalDelta, TextDelta
from agents.core.errors import Fault, ParseError
from agents.core.finish import broken_off, fault_of, reason_of
from agents.core.sse import LIMIT_BYTES
from agents.llm.chat.calls import LEGACY, Calls, CallState, Nameless
from agents.llm.chat.choices import UNDECIDED, Choices, first_of
from agents.llm.chat.chunk import (
    REASONING,
    Choice,
    ChoiceDelta,
    Chunk,
    chunk_of,
    parts_of,
    reasoning_of,
    refusal_of,
    text_of,
    thinking_of,
)
from agents.llm.chat.ending import Ending
from agents.llm.chat.reasoning import ReasoningFields
from agents.llm.faults import error_in_stream, is_error
from agents.llm.reader import StreamReader, json_of
from agents.llm.sse import ErrorData
from agents.llm.text import REPLACEMENT, TextKind, safe

_decode = msgspec.json.Decoder(Chunk).decode


def read_completion(body: bytes, new_id: Callable[[], str]) -> list[Delta]:
    """Return the deltas of an answer that was requested without streaming."""
    reader = ChatReader(new_id)
    return reader.feed(body) + reader.end()


class ChatReader(StreamReader):
    """A reader of the answer to a request with n=1. If more choices come, it reads the first one: choices.py."""

    def __init__(self, new_id: Callable[[], str], limit_bytes: int = LIMIT_BYTES) -> None:
        super().__init__(new_id, limit_bytes)
        self._calls = Calls(new_id)
        self._reasoning = ReasoningFields()
        self._choices = Choices()
        self._only: object = UNDECIDED  # the index of the choice that is read: nearly every chunk has it
        self._has_text = False  # nearly every chunk sets it, and a set would cost more
        self._spoke: set[TextKind] = set()  # the other kinds of text
        self._message: ChoiceDelta | None = None
        self._ending = Ending()

    @property
    def settled(self) -> bool:
        return self._ended or (self._ending.raw_reason is not None and not self._choices.holds)

    def _read(self, payloads: Sequence[bytes], deltas: list[Delta]) -> None:
        for payload in payloads:
            try:
                chunk = _decode(payload)
            except (ValueError, RecursionError):
                self._read_odd(payload, deltas)
            else:
                if chunk.choices and not chunk.error and chunk.base_resp is None:
                    if not self._fold(chunk, deltas):
                        continue
                else:
                    self._fold_odd(chunk, json_of(payload), deltas, named_error=isinstance(payload, ErrorData))
            if self._ended:
                return

    def _read_value(self, value: Any, payload: bytes, deltas: list[Delta]) -> None:
        chunk = chunk_of(value)
        if chunk.choices and not chunk.error and chunk.base_resp is None:
            self._fold(chunk, deltas)
        else:
            self._fold_odd(chunk, value, deltas, named_error=isinstance(payload, ErrorData))

    def _read_document(self, value: Any, deltas: list[Delta]) -> None:
        if not isinstance(value, dict) or not isinstance(value.get("choices"), list):
            return
        chunk = chunk_of(value)
        chunk.choices = first_of(chunk.choices or ())
        if is_error(value):
            self._fold_odd(chunk, value, deltas, named_error=False)
        else:
            self._fold(chunk, deltas)
        if not self._ended:
            self._finish(deltas)

    def _done(self, deltas: list[Delta]) -> None:
        self._finish(deltas)

    def _fold(self, chunk: Chunk, deltas: list[Delta]) -> bool:
        """Read a chunk's choices and usage. Return True if a choice has more than a delta and may end the answer."""
        may_end = False
        if chunk.usage and chunk.usage.__class__ is dict:
            self._ending.usage = chunk.usage
        if chunk.x_groq is not None or not self._ending.named:
            self._ending.note(chunk)
        choices: Sequence[Choice] = chunk.choices or ()
        if len(choices) != 1 or choices[0].index != self._only:
            choices = self._choices.read(choices)
            self._only = self._choices.only
        for choice in choices:
            delta = choice.delta
            if delta is not None:
                self._fold_delta(delta, deltas)
            if delta is None or choice.finish_reason or choice.message is not None or choice.error:
                self._fold_rest(choice, deltas)
                may_end = True
                if self._ended:
                    break
        return may_end

    def _fold_rest(self, choice: Choice, deltas: list[Delta]) -> None:
        if choice.delta is None and choice.text:
            self._fold_delta(ChoiceDelta(content=choice.text), deltas)
        if choice.message is not None:
            self._message = choice.message
        if choice.finish_reason:
            self._ending.note_reason(choice.finish_reason)
        if choice.error:
            self._fail(error_in_stream({"error": choice.error}), deltas)

    def _fold_delta(self, delta: ChoiceDelta, deltas: list[Delta]) -> None:
        content = delta.content
        if (
            delta.reasoning_content
            or delta.reasoning
            or delta.reasoning_text
            or delta.reasoning_details
            or delta.thinking
            or delta.thinking_blocks
        ):
            self._fold_reasoning(delta, deltas)
        if content:
            if content.__class__ is str and self._halves is None:
                self._has_text = True
                deltas.append(TextDelta(content))
            else:
                self._say(ReasoningDelta, thinking_of(content), deltas)
                self._say(TextDelta, text_of(content), deltas)
        if delta.refusal or (content and content.__class__ is not str):
            self._say(RefusalDelta, refusal_of(delta), deltas)
        if delta.tool_calls:
            self._fold_calls(parts_of(delta.tool_calls), deltas)
        elif delta.function_call:
            self._fold_calls([{"index": LEGACY, "function": delta.function_call}], deltas)

    def _fold_reasoning(self, delta: ChoiceDelta, deltas: list[Delta]) -> None:
        self._say(ReasoningDelta, reasoning_of(delta), deltas)
        self._reasoning.note(delta)

    def _fold_calls(self, pieces: Sequence[Any], deltas: list[Delta]) -> None:
        for piece in pieces:
            self._calls.add(piece, self._halves, deltas)

    def _say(self, kind: TextKind, text: str, deltas: list[Delta]) -> None:
        if self._halves is not None:
            text = self._halves.join(kind, text)
        if text:
            if kind is TextDelta:
                self._has_text = True
            else:
                self._spoke.add(kind)
            deltas.append(kind(text))

    def _fold_odd(self, chunk: Chunk, value: Any, deltas: list[Delta], *, named_error: bool) -> None:
        """Read a chunk without choices (usage, a filter's verdict, a ping) or with an error."""
        groq = chunk.x_groq if isinstance(chunk.x_groq, dict) else {}
        if named_error or groq.get("error") or is_error(value):
            self._fold(chunk, deltas)  # the content next to the error
            self._fail(error_in_stream(groq if groq.get("error") else value), deltas)
        else:
            if not chunk.choices:
                self._note_remark(value)
            self._fold(chunk, deltas)

    def _close(self, fault: Fault, deltas: list[Delta]) -> None:
        if self._ended:
            return
        if self._choices.any_finished:
            self._release(deltas)
        if self.settled:
            self._finish(deltas)
        else:
            super()._close(fault, deltas)

    def _fail(self, fault: Fault, deltas: list[Delta]) -> None:
        """Fail after giving the text that only a whole message has."""
        if not self._ended and self._message is not None:
            message, self._message = self._message, None
            self._fold_delta(replace(self._not_given(message), tool_calls=None, function_call=None), deltas)
        super()._fail(fault, deltas)

    def _release(self, deltas: list[Delta]) -> None:
        """Read the held choices, if they are the ones to read."""
        if rest := self._choices.rest():
            self._fold(Chunk(choices=list(rest)), deltas)

    def _finish(self, deltas: list[Delta]) -> None:
        self._release(deltas)
        if self._message is not None:
            message, self._message = self._message, None
            self._fold_delta(self._not_given(message), deltas)
        for channel in self._halves.rest() if self._halves else ():
            if isinstance(channel, CallState):
                channel.arguments.add(REPLACEMENT)
            else:
                deltas.append(channel(REPLACEMENT))
        if (fault := self._fault()) is not None:
            self._fail(fault, deltas)
            return
        try:
            self._calls.finish(deltas)
        except Nameless:
            self._fail(ParseError("expected the name of a tool call, got only its arguments"), deltas)
            return
        items = self._reasoning.items()
        items = items if self._halves is None else tuple(safe(items))
        self._finish_with(self._ending.finished(self._skipped, items, calls=bool(self._calls)), deltas)

    def _not_given(self, message: ChoiceDelta) -> ChoiceDelta:
        """Return the message without the fields that deltas have given already."""
        given = ["content"] if self._has_text else []
        given += ["refusal"] if RefusalDelta in self._spoke else []
        given += REASONING if ReasoningDelta in self._spoke else ()
        given += ["tool_calls", "function_call"] if self._calls else []
        return replace(message, **dict.fromkeys(given))

    def _fault(self) -> Fault | None:
        """Return the fault of an answer with a regular end, or None."""
        raw = self._ending.raw_reason
        if raw is not None and broken_off(raw):
            return fault_of(raw)
        if self._skipped and (raw is None or self._calls or not self._has_text):
            return self._skipped[0]  # the skipped event may have had the end, arguments, or all of the answer
        if self._calls or self._has_text or self._spoke:
            return None
        if raw is None and self._remark is not None:
            return error_in_stream(self._remark)
        if reason_of(raw) is FinishReason.TOOL_CALLS:
            return ParseError(f"expected a tool call for the finish reason {raw!r}, got none")
        return None
