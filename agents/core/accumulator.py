"""The accumulator: folds the deltas of one model call into content, calls and the events that they cause.

Source: API reference, accumulator() and process_stream_event/3. A value: `fold` answers with the next one, and the old
one stays as it was. Text is kept as a rope (a chain of pairs), so that a step costs the same at every length; its
pieces are long, since of one a token the garbage collector would find very many to walk, and pause every stream.
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
"""() or (the rope before, a text)."""

EMPTY: Rope = ()
PIECE_CHARS: Final = 128


class PartialCall(Struct, frozen=True):
    """A call that is being streamed. done: the stream said that it is whole."""

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

    seq: of the stream's last event. noted: the metadata of its events; None if no event had any. end: Finished or
    Failed, when it came.
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
        """By index."""
        return {call.index: call for call in self.tool_calls}

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata of the events so far; after the end also finish_reason, usage, model and id of the answer."""
        end = self.end
        if not isinstance(end, Finished):
            return dict(self.noted or {})
        said = {"finish_reason": end.reason, "usage": end.usage, "model": end.model, "id": end.response_id}
        return {**(self.noted or {}), **said}

    def with_metadata(self, metadata: Mapping[str, Any]) -> "Accumulator":
        """Add an event's metadata; a later value replaces an earlier one of the same key."""
        return replace(self, noted={**(self.noted or {}), **metadata})


def init_accumulator(stream_id: str = "", *, attempt: int = 1, seq: int = 0) -> Accumulator:
    """An empty one for the next model call of a stream whose last event had this seq."""
    return Accumulator(stream_id, attempt, seq)


def longer(rope: Rope, text: str) -> Rope:
    """The rope with this text at its end. Its last piece grows until it is long, which copies a few characters."""
    if rope and len(rope[1]) < PIECE_CHARS:
        return rope[0], rope[1] + text
    return rope, text


def joined(rope: Rope) -> str:
    """The rope's text."""
    texts: list[str] = []
    while rope:
        rope, text = rope
        texts.append(text)
    return "".join(reversed(texts))


def fold(acc: Accumulator, delta: Delta) -> tuple[Accumulator, tuple[Event, ...]]:
    """The next accumulator, and the events that its subscribers get. After its end it takes nothing more."""
    if acc.end is not None:
        return acc, ()
    if type(delta) is TextDelta:  # first: nearly all are
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
        return following, (StreamToken(text, stream_id=acc.stream_id, seq=seq, attempt=acc.attempt),)
    return _fold_other(acc, delta)


def fold_texts(acc: Accumulator, texts: Sequence[str]) -> tuple[Accumulator, tuple[Event, ...]]:
    """fold, of the texts of so many TextDeltas in one go: of a token it takes a third. acc has no end."""
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
        [StreamToken(text, stream_id=stream_id, seq=at, attempt=attempt) for at, text in enumerate(texts, seq + 1)]
    )


def _fold_other(acc: Accumulator, delta: Delta) -> tuple[Accumulator, tuple[Event, ...]]:
    match delta:
        case CallDelta(index, piece):
            acc = _with_call(acc, index, lambda call: replace(call, arguments=longer(call.arguments, piece)))
            return acc, (StreamFunctionArgumentsDelta(index, piece, **_envelope(acc)),)
        case CallStarted(index, id_, name):
            call = PartialCall(index, id_, name)
            acc = replace(acc, calls=(*acc.calls, call), seq=acc.seq + 1)
            return acc, (StreamFunctionCallStarted(call.tool_call(), **_envelope(acc)),)
        case CallDone(index, arguments, extra):  # its arguments are the truth, should the pieces say something else
            acc = _with_call(
                acc, index, lambda call: replace(call, arguments=(EMPTY, arguments), done=True, extra=extra)
            )
            call = acc.calls[_place(acc.calls, index)]
            return acc, (StreamFunctionCallComplete(call.tool_call(), **_envelope(acc)),)
        case ReasoningDelta(text):
            acc = replace(acc, thoughts=longer(acc.thoughts, text), seq=acc.seq + 1)
            return acc, (StreamReasoning(text, **_envelope(acc)),)
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
    """Where the call with this index is. Nearly always it is the last one, or the index says it."""
    if calls[-1].index == index:
        return len(calls) - 1
    if 0 <= index < len(calls) and calls[index].index == index:
        return index
    return next(place for place, call in enumerate(calls) if call.index == index)


def _envelope(acc: Accumulator) -> dict[str, Any]:
    return {"stream_id": acc.stream_id, "seq": acc.seq, "attempt": acc.attempt}
