"""A reply: the script's step for a request, filled in and cut into tokens. The same for both APIs.

(ReasoningToken | TextToken | CallBegin | ArgumentsToken | CallEnd)*      in the order of the wire
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal, TypeAlias

import msgspec

from agents.rehearsal.parts import lines_of
from agents.rehearsal.request import ModelRequest
from agents.rehearsal.script import Model, ScriptedCall, ScriptedFault, ScriptedStep


@dataclass(frozen=True)
class ReasoningToken:
    text: str


@dataclass(frozen=True)
class TextToken:
    text: str


@dataclass(frozen=True)
class CallBegin:
    index: int
    name: str


@dataclass(frozen=True)
class ArgumentsToken:
    index: int
    text: str


@dataclass(frozen=True)
class CallEnd:
    index: int


Piece: TypeAlias = ReasoningToken | TextToken | CallBegin | ArgumentsToken | CallEnd
FinishReason: TypeAlias = Literal["stop", "tool_calls", "length"]

PLACEHOLDER = re.compile(r"\{(user|parts|tool:[^{}]+|result:\d+)\}")


@dataclass(frozen=True)
class ReportedUsage:
    input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cached_tokens: int

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True)
class ReportedError:
    """An error in the middle of a stream."""

    message: str = "The server had an error while processing your request."
    type: str | None = "server_error"
    code: str | None = "server_error"


@dataclass(frozen=True)
class ScriptedReply:
    """A reply to a request. key: makes its ids unique. A call that was cut by length has no CallEnd.

    error: for a fault that ends the stream with one.
    """

    key: str
    created: int
    model: str
    pieces: tuple[Piece, ...]
    finish_reason: FinishReason
    usage: ReportedUsage
    error: ReportedError = ReportedError()


def is_token(piece: Piece) -> bool:
    return isinstance(piece, ReasoningToken | TextToken | ArgumentsToken)


def find_step(model: Model, request: ModelRequest) -> tuple[tuple[int, int], ScriptedStep] | None:
    """Return the step for a request and its place in the script, or None if no turn fits the user message.

    The last step of a turn also answers all further rounds.
    """
    for position, turn in enumerate(model.turns):
        if turn.fits(request.user):
            round_ = min(request.round, len(turn.steps) - 1)
            return (position, round_), turn.steps[round_]
    return None


def compose(
    step: ScriptedStep, request: ModelRequest, *, key: str, created: int, length: int | None = None
) -> ScriptedReply:
    """Return the reply of a step. length: the number of tokens after which it is cut, or None."""
    pieces = tuple(_pieces(step, request))
    finish_reason: FinishReason = "tool_calls" if step.tool_calls else "stop"
    if length is not None:
        pieces, finish_reason = cut(pieces, length), "length"
    usage = _usage(step, request, pieces)
    return ScriptedReply(key, created, request.model, pieces, finish_reason, usage, _error(step.fault))


def cut(pieces: tuple[Piece, ...], length: int) -> tuple[Piece, ...]:
    """Yield the pieces up to the limit of tokens."""
    seen = 0
    for position, piece in enumerate(pieces):
        if is_token(piece) and (seen := seen + 1) > length:
            return pieces[:position]
    return pieces


def fill(text: str, request: ModelRequest) -> str:
    """Fill the placeholders from the conversation, in one pass: inserted text is not filled again.

    A placeholder without a value in the conversation stays as it is.
    """

    def value(found: re.Match[str]) -> str:
        kind, _, which = found[1].partition(":")
        match kind:
            case "user":
                return request.user
            case "parts":
                return lines_of(request.parts)
            case "tool":
                named = [result.content for result in request.results if result.name == which]
                return named[-1] if named else found[0]
            case _:
                position = int(which)
                return request.results[position].content if position < len(request.results) else found[0]

    return PLACEHOLDER.sub(value, text)


def tokens(words: str | list[str], request: ModelRequest) -> list[str]:
    """Return words with the white space before them, which join to the text, or the tokens as listed."""
    if isinstance(words, list):
        return [fill(token, request) for token in words]
    return re.findall(r"\s*\S+|\s+$", fill(words, request))


def _pieces(step: ScriptedStep, request: ModelRequest) -> Iterator[Piece]:
    yield from (ReasoningToken(token) for token in tokens(step.reasoning, request))
    yield from (TextToken(token) for token in tokens(step.text, request))
    calls = [list(_call(index, call, step.split_chars, request)) for index, call in enumerate(step.tool_calls)]
    yield from _in_turns(calls) if step.interleaved else (piece for call in calls for piece in call)


def _call(index: int, call: ScriptedCall, split_chars: int, request: ModelRequest) -> Iterator[Piece]:
    yield CallBegin(index, call.name)
    for text in _arguments(call, split_chars, request):
        yield ArgumentsToken(index, text)
    yield CallEnd(index)


def _in_turns(calls: Iterable[list[Piece]]) -> Iterator[Piece]:
    return (piece for pieces in zip_longest(*calls) for piece in pieces if piece is not None)


def _arguments(call: ScriptedCall, split_chars: int, request: ModelRequest) -> list[str]:
    """Return the deltas of a call's arguments."""
    match call.arguments:
        case list(deltas):
            return [fill(delta, request) for delta in deltas]
        case str(given):
            text = fill(given, request)
        case table:
            text = msgspec.json.encode(_filled(table, request)).decode()
    return [text[start : start + split_chars] for start in range(0, len(text), split_chars)]


def _filled(value: object, request: ModelRequest) -> Any:
    match value:
        case str():
            return fill(value, request)
        case list():
            return [_filled(item, request) for item in value]
        case Mapping():
            return {key: _filled(item, request) for key, item in value.items()}
        case _:
            return value


def _error(fault: ScriptedFault | None) -> ReportedError:
    """Return the fault's own error, or the usual one."""
    if fault is None or (fault.message, fault.type, fault.code) == (None, None, None):
        return ReportedError()
    return ReportedError(fault.message or "", fault.type, fault.code)


def _usage(step: ScriptedStep, request: ModelRequest, pieces: tuple[Piece, ...]) -> ReportedUsage:
    """Return the script's usage.

    Without one, each word of the conversation and each piece of the reply counts as a token.
    """
    said = step.usage
    sent = sum(map(is_token, pieces))
    return ReportedUsage(
        input_tokens=request.input_tokens if said.input_tokens is None else said.input_tokens,
        output_tokens=sent if said.output_tokens is None else said.output_tokens,
        reasoning_tokens=said.reasoning_tokens,
        cached_tokens=said.cached_tokens,
    )
