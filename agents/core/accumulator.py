"""The accumulator: folds the deltas of one model call into content, calls and the events that they cause.

Source: API reference, accumulator() and process_stream_event/3. An accumulator is a value: `fold` returns the next one
and leaves the old one unchanged.

Text is kept as a rope (a chain of pairs), so a step costs about the same at every length. The rope's pieces are long:
with one piece per token the garbage collector would have many objects to walk, and its pauses would hold every stream.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from agents.core.conversation import Function, ToolCall
from agents.core.deltas import (
    CallDelta,
    CallDone,
    CallStarted,
    Delta,
    Failed,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
)
from agents.core.events import (
    Event,
    StreamFunctionArgumentsDelta,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamReasoning,
    StreamToken,
)

Rope: TypeAlias = tuple[Any, ...]
"""() or (the earlier rope, a text)."""

EMPTY: Rope = ()
PIECE_CHARS: Final = 128
LONGEST_PIECE_CHARS: Final = 8192


class PartialCall(Struct, frozen=True):
    """A call that is being streamed. done: the stream has ended the call."""

    index: int
    id: str
    name: str
    arguments: Rope = EMPTY
    done: bool = False
    extra: dict[str, Any] | None = None

    def tool_call(self) -> ToolCall:
        return ToolCall(self.id, Function(self.name, joined(self.arguments)), self.index, extra=self.extra)


class Accumulator(Struct, frozen=True, gc=False):
    """The answer of one model call so far.

    seq: that of the stream's last event. noted: the metadata of the model's events; None if no event had any. end:
    Finished or Failed; None until the model call has ended.
    """

    stream_id: str = ""
    attempt: int = 1
    seq: int = 0
    tokens: int = 0
    text: Rope = EMPTY
    thoughts: Rope = EMPTY
    refusals: Rope = EMPTY
    calls: tuple[PartialCall, ...] = ()
    noted: Mapping[str, Any] | None = None
    end: Finished | Failed | None = None

    @property
    def content(self) -> str:
        return joined(self.text)

    @property
    def reasoning(self) -> str:
        return joined(self.thoughts)

    @property
    def refusal(self) -> str | None:
        return joined(self.refusals) or None

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(call.tool_call() for call in self.calls)

    @property
    def tool_call_map(self) -> dict[int, ToolCall]:
        """The calls by index."""
        return {call.index: call for call in self.tool_calls}

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata of the events so far; after the end also finish_reason, usage, model and id of the answer."""
        end = self.end
        if not isinstance(end, Finished):
            return dict(self.noted or {})
        of_answer = {"finish_reason": end.reason, "usage": end.usage, "model": end.model, "id": end.response_id}
        return {**(self.noted or {}), **of_answer}

    def with_metadata(self, metadata: Mapping[str, Any]) -> "Accumulator":
        """Add an event's metadata; a later value replaces an earlier one of the same key."""
        return replace(self, noted={**(self.noted or {}), **metadata})


def init_accumulator(stream_id: str = "", *, attempt: int = 1, seq: int = 0) -> Accumulator:
    """Return an empty accumulator for the next model call of a stream. seq: that of the stream's last event."""
    return Accumulator(stream_id, attempt, seq)


def longer(rope: Rope, text: str) -> Rope:
    """Return the rope with this text at its end.

    The rope's last piece grows up to PIECE_CHARS, which copies a few characters. Then it joins earlier pieces that are
    not longer, as digits carry in a binary number. So a long text has few pieces, and a character is copied six times.
    """
    if not rope or len(rope[1]) < PIECE_CHARS:
        return (rope[0], rope[1] + text) if rope else (rope, text)
    while rope[0] and len(rope[0][1]) <= len(rope[1]) < LONGEST_PIECE_CHARS:
        earlier, last = rope
        rope = earlier[0], earlier[1] + last
    return rope, text


def joined(rope: Rope) -> str:
    """Return the rope's text."""
    texts: list[str] = []
    while rope:
        rope, text = rope
        texts.append(text)
    return "".join(reversed(texts))


def fold(acc: Accumulator, delta: Delta, at: float | None = None) -> tuple[Accumulator, tuple[Event, ...]]:
    """Return the next accumulator, and the events for subscribers. An accumulator that has ended ignores the delta.

    at: the time of the events.
    """
    if acc.end is not None:
        return acc, ()
    if type(delta) is TextDelta:  # first: nearly all deltas are text
        seq = acc.seq + 1
        text = delta.text
        following = Accumulator(
            acc.stream_id,
            acc.attempt,
            seq,
            acc.tokens + 1,
            longer(acc.text, text),
            acc.thoughts,
            acc.refusals,
            acc.calls,
            acc.noted,
        )
        return following, (StreamToken(text, stream_id=acc.stream_id, seq=seq, attempt=acc.attempt, at=at),)
    return _fold_other(acc, delta, at)


def fold_texts(
    acc: Accumulator, texts: Sequence[str], at: float | None = None
) -> tuple[Accumulator, tuple[Event, ...]]:
    """Fold the texts of several TextDeltas in one step, in a third of the time per token. acc must not have ended."""
    stream_id, attempt, seq = acc.stream_id, acc.attempt, acc.seq
    following = Accumulator(
        stream_id,
        attempt,
        seq + len(texts),
        acc.tokens + len(texts),
        longer(acc.text, "".join(texts)),
        acc.thoughts,
        acc.refusals,
        acc.calls,
        acc.noted,
    )
    return following, tuple(
        [StreamToken(text, stream_id=stream_id, seq=n, attempt=attempt, at=at) for n, text in enumerate(texts, seq + 1)]
    )


def _fold_other(acc: Accumulator, delta: Delta, at: float | None) -> tuple[Accumulator, tuple[Event, ...]]:
    match delta:
        case CallDelta(index, piece):
            acc = _with_call(acc, index, lambda call: replace(call, arguments=longer(call.arguments, piece)))
            return acc, (StreamFunctionArgumentsDelta(index, piece, **_envelope(acc, at)),)
        case CallStarted(index, id_, name):
            call = PartialCall(index, id_, name)
            acc = replace(acc, calls=(*acc.calls, call), seq=acc.seq + 1)
            return acc, (StreamFunctionCallStarted(call.tool_call(), **_envelope(acc, at)),)
        case CallDone(index, arguments, extra):  # its arguments replace the pieces, also where the two differ
            acc = _with_call(
                acc, index, lambda call: replace(call, arguments=(EMPTY, arguments), done=True, extra=extra)
            )
            call = acc.calls[_place(acc.calls, index)]
            return acc, (StreamFunctionCallComplete(call.tool_call(), **_envelope(acc, at)),)
        case ReasoningDelta(text):
            acc = replace(acc, thoughts=longer(acc.thoughts, text), seq=acc.seq + 1)
            return acc, (StreamReasoning(text, **_envelope(acc, at)),)
        case RefusalDelta(text):
            return replace(acc, refusals=longer(acc.refusals, text)), ()
        case _:
            assert isinstance(delta, Finished | Failed), delta
            return replace(acc, end=delta), ()


def _with_call(acc: Accumulator, index: int, change: Callable[[PartialCall], PartialCall]) -> Accumulator:
    calls = list(acc.calls)
    place = _place(acc.calls, index)
    calls[place] = change(calls[place])
    return replace(acc, calls=tuple(calls), seq=acc.seq + 1)


def _place(calls: tuple[PartialCall, ...], index: int) -> int:
    """Return the position of the call with this index: nearly always the last position, or the index itself."""
    if calls[-1].index == index:
        return len(calls) - 1
    if 0 <= index < len(calls) and calls[index].index == index:
        return index
    return next(place for place, call in enumerate(calls) if call.index == index)


def _envelope(acc: Accumulator, at: float | None) -> dict[str, Any]:
    return {"stream_id": acc.stream_id, "seq": acc.seq, "attempt": acc.attempt, "at": at}
